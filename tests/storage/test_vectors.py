from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import StorageError
from pilothouse.storage.vectors import VectorFile, top_k


def rows(*values: float) -> np.ndarray:
    return np.array([[value, -value] for value in values], dtype=np.float32)


@pytest.fixture
def vectors(tmp_path: Path) -> VectorFile:
    return VectorFile.create(tmp_path / "v.bin", 2, "encoder-1")


def test_what_was_appended_is_read(vectors: VectorFile) -> None:
    assert vectors.append(rows(1, 2), 0) == 2
    assert vectors.append(rows(3), 2) == 3
    vectors.sync()
    opened = VectorFile.open(vectors.path)
    assert (opened.dimensions, opened.fingerprint) == (2, "encoder-1")
    np.testing.assert_array_equal(opened.rows(3), rows(1, 2, 3))
    np.testing.assert_array_equal(opened.rows(2), rows(1, 2))
    assert opened.rows(0).shape == (0, 2)


def test_rows_that_never_counted_are_overwritten(vectors: VectorFile) -> None:
    vectors.append(rows(1, 2), 0)
    vectors.append(rows(8, 9, 10), 2)
    vectors.append(rows(3), 2)
    np.testing.assert_array_equal(vectors.rows(3), rows(1, 2, 3))
    with pytest.raises(StorageError, match="fewer than the 4 rows"):
        vectors.rows(4)


def test_the_rest_of_a_torn_write_is_overwritten(vectors: VectorFile) -> None:
    vectors.append(rows(1), 0)
    with vectors.path.open("ab") as file:
        file.write(b"\x01\x02\x03")
    vectors.append(rows(2), 1)
    np.testing.assert_array_equal(vectors.rows(2), rows(1, 2))


def test_a_mapping_outlives_later_appends(vectors: VectorFile) -> None:
    vectors.append(rows(1), 0)
    mapped = vectors.rows(1)
    vectors.append(rows(2, 3), 1)
    np.testing.assert_array_equal(mapped, rows(1))


def test_a_gap_is_refused(vectors: VectorFile) -> None:
    with pytest.raises(StorageError, match="fewer than the 5 rows"):
        vectors.append(rows(1), 5)


def test_rows_of_another_dimension_are_refused(vectors: VectorFile) -> None:
    with pytest.raises(StorageError, match="takes rows of 2 numbers"):
        vectors.append(np.zeros((1, 3), np.float32), 0)


def test_a_new_file_takes_the_place_of_the_old(vectors: VectorFile) -> None:
    vectors.append(rows(1, 2), 0)
    again = VectorFile.create(vectors.path, 2, "encoder-2")
    assert vectors.path.stat().st_size == 512
    assert VectorFile.open(vectors.path).fingerprint == again.fingerprint == "encoder-2"


@pytest.mark.parametrize("content", [b"", b"short", b"{}".ljust(512), b'{"format":"x","dimensions":2}'.ljust(512)])
def test_what_is_no_vector_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.bin").write_bytes(content)
    with pytest.raises(StorageError, match=r"v\.bin"):
        VectorFile.open(tmp_path / "v.bin")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read: No such file"):
        VectorFile.open(tmp_path / "v.bin")


def test_a_fingerprint_too_long_for_the_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="too long"):
        VectorFile.create(tmp_path / "v.bin", 2, "x" * 600)


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 12))
def test_top_k_is_the_head_of_a_stable_sort(values: list[int], k: int) -> None:
    scores = np.array(values, dtype=np.float32)
    expected = sorted(range(len(values)), key=lambda i: (-values[i], i))[:k]
    assert top_k(scores, k).tolist() == expected
