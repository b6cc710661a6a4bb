"""What a run is told of a real platform's models: their prices, those of a corpus by who answers from it."""

import asyncio
from pathlib import Path

import pytest

from pilothouse.app import build
from pilothouse.errors import UnknownModel
from pilothouse.evals.runs.rooms import rooms_of
from pilothouse.settings import Settings

_CONFIG = """
providers: {vendor: {kind: openai, base_url: "http://127.0.0.1:9", api_key: k}}
models: {writer: {deployments: [{provider: vendor, model: some}]}}
prices: [{provider: vendor, model: some, input: 1, output: 2}]
rag: {answer_model: writer, top_k: 2, chunk_tokens: 100, overlap_tokens: 0}
"""


@pytest.mark.parametrize(("rag", "nano"), [("", (1000 + 200) * 1000 + 100 * 2000), ("builtin/extractive", 0)])
def test_a_corpus_costs_what_the_model_costs_that_answers_from_its_passages(
    tmp_path: Path, rag: str, nano: int
) -> None:
    path = tmp_path / "pilothouse.yaml"
    path.write_text(_CONFIG.replace("answer_model: writer", f"answer_model: {rag or 'writer'}"))
    with build(Settings(home=tmp_path / "home", config=path)) as platform:
        price = rooms_of(platform, "default").price
        told = asyncio.run(price("rag:notes", 1000, 100)), asyncio.run(price("writer", 1000, 100))
    assert told == (nano, 1000 * 1000 + 100 * 2000)


async def test_a_name_stands_for_what_the_configuration_makes_of_it(tmp_path: Path) -> None:
    told = list[str]()
    for model in ("some", "some", "another"):
        (tmp_path / "pilothouse.yaml").write_text(_CONFIG.replace("model: some}]}", f"model: {model}}}]}}"))
        with build(Settings(home=tmp_path / "home", config=tmp_path / "pilothouse.yaml")) as platform:
            rooms = rooms_of(platform, "default")
            told.append(await rooms.fingerprint("writer"))
            assert told[-1] != await rooms.fingerprint("vendor/some")
            with pytest.raises(UnknownModel):
                await rooms.fingerprint("wrtier")
            await platform.close_rooms()
    assert told[0] == told[1] != told[2]


async def test_an_answer_is_another_once_other_guards_look_at_it(tmp_path: Path) -> None:
    told, alias = list[str](), "{provider: vendor, model: some}]"
    words = "guards: {policies: {p: {output: [{use: words, words: [%s]}]}}%s}\n"
    for guards, own in (
        ("", ""), (words % ("x", ""), ""), (words % ("x", ""), ", guards: [p]"), (words % ("y", ""), ", guards: [p]"),
        (words % ("y", ", default: p"), ""),
    ):  # fmt: skip
        (tmp_path / "pilothouse.yaml").write_text(_CONFIG.replace(f"{alias}}}", f"{alias}{own}}}") + guards)
        with build(Settings(home=tmp_path / "home", config=tmp_path / "pilothouse.yaml")) as platform:
            told.append(await rooms_of(platform, "default").fingerprint("writer"))
            await platform.close_rooms()
    assert told[0] == told[1]
    assert told[3] == told[4]
    assert len({told[0], told[2], told[3]}) == 3
