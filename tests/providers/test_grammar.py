"""Grammars are read by a small reader of GBNF, which draws texts from them and says whether they take a text."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from pilothouse.config import ProviderConfig
from pilothouse.errors import InvalidRequest
from pilothouse.providers.grammar import constrained, grammar_of
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.testing import ask, chat_request
from pilothouse.testing.openai_server import OpenAIServer

TREE = {
    "$ref": "#/$defs/node",
    "$defs": {"node": {
        "type": "object", "required": ["name", "kids"],
        "properties": {
            "name": {"type": "string", "maxLength": 4},
            "kids": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/node"}},
        },
    }},
}  # fmt: skip
SCHEMAS: dict[str, Any] = {
    "person": {
        "type": "object", "required": ["name", "age"], "additionalProperties": False,
        "properties": {
            "nick": {"type": "string"}, "name": {"type": "string", "minLength": 1, "maxLength": 9},
            "age": {"type": "integer", "minimum": 0}, "size": {"type": ["number", "null"]}, "ok": {"type": "boolean"},
        },
    },
    "all optional": {
        "type": "object", "additionalProperties": False,
        "properties": {"a": {"type": "null"}, 'b"\n': {"type": "null"}},
    },
    "choices": {"enum": ['a "quoted"\n\\ word', 1, None, {"b": [True]}]},
    "either": {
        "anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 3}],
    },
    "map": {"type": "object", "additionalProperties": {"type": "integer"}},
    "all of": {
        "allOf": [
            {"$ref": "#/$defs/a"}, {"type": "object", "properties": {"y": {"type": "null"}}, "required": ["y"]},
        ],
        "$defs": {"a": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}},
    },
    "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"const": "é"}], "items": False},
    "dates": {
        "type": "object", "required": ["d", "t"],
        "properties": {"d": {"type": "string", "format": "date"}, "t": {"type": "string", "format": "date-time"}},
    },
    "tree": TREE, "anything": True,
}  # fmt: skip
SIGNS = 'az09AZ é"\\-/bu {}\n'
TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(\[(?:[^\]\\]|\\.)*\])|([a-zA-Z][\w-]*)|(\{\d*,?\d*\}|[()|*+?]))')


class Gbnf:
    """Terms: ("text", s), ("class", pattern), ("rule", name), ("all", terms), ("any", terms), ("many", term, a, b)."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Any] = {}
        for line in text.splitlines():
            name, _, body = line.partition(" ::= ")
            tokens = [found.group().strip() for found in TOKEN.finditer(body)]
            assert "".join(tokens).replace(" ", "") == body.replace(" ", ""), body
            self.rules[name], rest = self._either(tokens)
            assert rest == []

    def _either(self, tokens: list[str]) -> tuple[Any, list[str]]:
        options, terms = [], list[Any]()
        while tokens and tokens[0] != ")":
            token, tokens = tokens[0], tokens[1:]
            if token == "|":
                options.append(("all", terms))
                terms = []
            elif token == "(":
                inner, tokens = self._either(tokens)
                assert tokens[0] == ")"
                tokens = tokens[1:]
                terms.append(inner)
            elif token in "*+?" or token[0] == "{":
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(token) or self._times(token)
                terms[-1] = ("many", terms[-1], least, most)
            elif token[0] == '"':
                terms.append(("text", json.loads(token)))
            elif token[0] == "[":
                terms.append(("class", re.compile(token)))
            else:
                terms.append(("rule", token))
        return ("any", [*options, ("all", terms)]), tokens

    def _times(self, token: str) -> tuple[int, int | None]:
        least, comma, most = token[1:-1].partition(",")
        return int(least), int(most) if most else (None if comma else int(least))

    def drawn(self, chance: random.Random, term: Any = ("rule", "root"), depth: int = 0) -> str:
        match term[0]:
            case "text":
                return term[1]
            case "class":
                fitting = [sign for sign in SIGNS if term[1].fullmatch(sign)]
                return chance.choice(fitting or [chr(code) for code in range(32, 127) if term[1].fullmatch(chr(code))])
            case "rule":
                return self.drawn(chance, self.rules[term[1]], depth + 1)
            case "all":
                return "".join(self.drawn(chance, one, depth + 1) for one in term[1])
            case "any":
                options = term[1] if depth < 60 else term[1][-1:]
                return self.drawn(chance, chance.choice(options), depth + 1)
        most = term[3] if term[3] is not None else term[2] + 2
        count = term[2] if depth > 40 else chance.randint(term[2], min(most, term[2] + 2))
        return "".join(self.drawn(chance, term[1], depth + 1) for _ in range(count))

    def takes(self, text: str) -> bool:
        return any(end == len(text) for end in self._ends(text, 0, ("rule", "root")))

    def _ends(self, text: str, at: int, term: Any) -> Iterator[int]:
        match term[0]:
            case "text":
                if text.startswith(term[1], at):
                    yield at + len(term[1])
            case "class":
                if at < len(text) and term[1].match(text[at]):
                    yield at + 1
            case "rule":
                yield from self._ends(text, at, self.rules[term[1]])
            case "any":
                for one in term[1]:
                    yield from self._ends(text, at, one)
            case "all":
                if not term[1]:
                    yield at
                    return
                for end in self._ends(text, at, term[1][0]):
                    yield from self._ends(text, end, ("all", term[1][1:]))
            case "many":
                yield from self._repeated(text, at, term[1], term[2], term[3])

    def _repeated(self, text: str, at: int, term: Any, least: int, most: int | None) -> Iterator[int]:
        if most is None or most > 0:
            for end in self._ends(text, at, term):
                if end > at:
                    yield from self._repeated(text, end, term, max(0, least - 1), None if most is None else most - 1)
        if least == 0:
            yield at


@pytest.mark.parametrize("name", SCHEMAS)
def test_whatever_a_grammar_can_write_is_of_the_schema(name: str) -> None:
    schema, chance = SCHEMAS[name], random.Random(name)
    grammar, check = Gbnf(grammar_of(schema)), jsonschema_rs.validator_for(schema, validate_formats=True)
    drawn = {grammar.drawn(chance) for _ in range(60)}
    for text in drawn:
        check.validate(json.loads(text))
    assert len(drawn) > 1


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("person", {"name": "Ada", "age": 36}, True), ("person", {"nick": "", "name": "A", "age": 0, "ok": True}, True),
        ("person", {"name": "Ada", "age": 36, "size": None, "ok": False}, True), ("person", {"age": 36}, False),
        ("person", {"name": "", "age": 36}, False), ("person", {"name": "Ada", "age": -1}, False),
        ("person", {"name": "Ada", "age": 36, "more": 1}, False), ("all optional", {}, True),
        ("all optional", {'b"\n': None}, True), ("all optional", {"a": None, 'b"\n': None}, True),
        ("choices", 'a "quoted"\n\\ word', True), ("choices", "b", False), ("either", [], False),
        ("either", [True, False, True], True), ("either", [True] * 4, False), ("pair", [1, "é"], True),
        ("tree", {"name": "a", "kids": [{"name": "b", "kids": []}]}, True), ("tree", {"name": "a"}, False),
        ("dates", {"d": "2026-02-28", "t": "2026-02-28T23:59:59Z"}, True),
        ("dates", {"d": "2026-13-01", "t": ""}, False),
    ],
)  # fmt: skip
def test_a_grammar_takes_what_the_schema_does(name: str, value: Any, taken: bool) -> None:
    grammar = Gbnf(grammar_of(SCHEMAS[name]))
    assert grammar.takes(json.dumps(value, ensure_ascii=False)) is taken
    assert grammar.takes(json.dumps(value, ensure_ascii=False, indent=2)) is taken


@pytest.mark.parametrize(
    "schema", [False, {"$ref": "http://a/b"}, {"$ref": "#/$defs/none"}, {"type": "objekt"}],
    ids=["false", "far", "nowhere", "type"],
)  # fmt: skip
def test_what_no_grammar_can_say_is_refused(schema: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        grammar_of(schema)


def test_a_format_goes_as_a_grammar_and_a_grammar_of_the_callers_own_stays() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "boolean"}}}
    body = constrained({"model": "m", "messages": [], "response_format": wanted})
    assert "response_format" not in body
    assert Gbnf(body["grammar"]).takes("true")
    assert constrained({"grammar": "root ::= ws", "response_format": wanted})["grammar"] == "root ::= ws"
    assert Gbnf(constrained({"response_format": {"type": "json_object"}})["grammar"]).takes('{"a": [1]}')
    assert constrained({"model": "m"}) == {"model": "m"}
    wanted["json_schema"]["schema"] = {"$ref": "#/none"}  # type: ignore[index]
    with pytest.raises(InvalidRequest, match="response_format"):
        constrained({"response_format": wanted})


async def test_llama_cpp_gets_a_grammar_others_the_format() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "boolean"}}}
    async with OpenAIServer() as server:
        for options, there in (({"grammar": True}, "grammar"), ({}, "response_format")):
            provider = OpenAIProvider("own", ProviderConfig(base_url=f"{server.url}/v1", api_key="k", options=options))
            await ask(provider, chat_request(response_format=wanted))
            assert {"grammar", "response_format"} & server.last.body.keys() == {there}
            await provider.aclose()
