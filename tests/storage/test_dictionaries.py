"""The dictionaries that ship: they stay as they were, and open what they packed."""

import hashlib
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from pilothouse.storage.dictionaries import NEWEST, dictionary, dictionary_of
from pilothouse.storage.keyring import SealedAway
from pilothouse.storage.payloads import Packer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROOT = Path(__file__).parents[2]
MADE_BY = "1.5.7"
SHIPPED = {"bodies-1.zdict": "e439afb9be55f3744e17eab7b14e179a6e27154e7015e20d03fb7750d7e400ff"}
BODY = b'{"input":{"model":"m","messages":[{"role":"user","content":"Where is my invoice?"}]},"output":null}'


def test_what_shipped_stays_as_it_was() -> None:
    """Bodies packed with it are in people's stores: a better one gets a number and a file of its own."""
    folder = files("pilothouse.storage") / "trained"
    assert {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()} == SHIPPED
    assert dictionary(NEWEST).dict_id == NEWEST


@pytest.mark.skipif(zstd.zstd_version != MADE_BY, reason=f"made by zstd {MADE_BY}")
def test_its_script_makes_the_same_file() -> None:
    made = subprocess.run([sys.executable, "benchmarks/bodies/train.py"], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr


def test_a_frame_says_which_dictionary_opens_it() -> None:
    packed = Packer().compress(BODY)
    assert len(packed) < len(zstd.compress(BODY, 3)) / 2
    assert dictionary_of(packed) is dictionary(NEWEST)
    assert dictionary_of(zstd.compress(BODY)) is None


def test_a_body_from_before_there_was_a_dictionary_opens() -> None:
    assert Packer().unpack(zstd.compress(BODY))["input"]["model"] == "m"


def test_a_body_of_a_later_version_says_so() -> None:
    later = dictionary(NEWEST).dict_content
    later = zstd.ZstdDict(later[:4] + (NEWEST + 1000).to_bytes(4, "little") + later[8:])
    with pytest.raises(SealedAway, match=f"dictionary {NEWEST + 1000}, which this version lacks"):
        Packer().unpack(zstd.compress(BODY, zstd_dict=later))
