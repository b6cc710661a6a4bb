"""JSON schemas as grammars of llama.cpp (GBNF), by which a model can write nothing that is not of the schema's form.

A grammar is never wider than the schema in its types, keys and their order, choices and lengths. What it cannot say
(patterns, limits of numbers, other keys than those named beside named ones) is left to whoever checks the answer. From
the documentation of GBNF (llama.cpp, grammars/README.md).
"""

import json
from collections.abc import Sequence
from typing import Any

from pilothouse.errors import InvalidRequest
from pilothouse.providers.parameters import format_of
from pilothouse.types import Json

__all__ = ["constrained", "grammar_of"]

_MOST_RULES = 2_000
_DEEPEST = 60
_BASIC = {
    "ws": r"[ \t\n]{0,12}",
    "char": r'[^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})',
    "string": '"\\"" char* "\\""',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,15})',
    "natural": '"0" | [1-9] [0-9]{0,15}',
    "number": 'integer ("." [0-9]{1,16})? ([eE] [+-]? [0-9]{1,2})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "member": 'string ws ":" ws value',
    "object": '"{" ws (member (ws "," ws member)*)? ws "}"',
    "array": '"[" ws (value (ws "," ws value)*)? ws "]"',
    "value": "object | array | string | number | boolean | null",
}
_FORMATS = {
    "date": '"\\"" [0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8]) "\\""',
    "time": '"\\"" ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] "Z" "\\""',
    "uuid": '"\\"" [0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12} "\\""',
}
_FORMATS["date-time"] = _FORMATS["date"].removesuffix(' "\\""') + ' "T" ' + _FORMATS["time"].removeprefix('"\\"" ')


def grammar_of(schema: Any) -> str:
    """The grammar of a schema, its first rule `root`. Raises ValueError for what no grammar can say: a reference that
    leads elsewhere, a schema that nothing keeps to."""
    made = _Rules(schema)
    made.rules["root"] = f"{made.of(schema, 'root')} ws"
    return "".join(f"{name} ::= {body}\n" for name, body in (made.rules | _BASIC).items())


def constrained(body: Json) -> Json:
    """The body of a chat with llama.cpp's `grammar` in the place of its `response_format`. Raises InvalidRequest for a
    schema that no grammar can say."""
    wanted = format_of(body)
    if wanted is None or "grammar" in body:
        return body
    try:
        grammar = grammar_of({"type": "object"} if wanted.schema is None else wanted.schema)
    except ValueError as error:
        raise InvalidRequest(f"response_format cannot be made a grammar: {error}.", param="response_format") from None
    return {**{name: value for name, value in body.items() if name != "response_format"}, "grammar": grammar}


class _Rules:
    """The rules of one schema, by their names; `root` is first."""

    def __init__(self, whole: Any) -> None:
        self.rules: dict[str, str] = {"root": ""}
        self._whole = whole
        self._refs: dict[str, str] = {}

    def of(self, schema: Any, name: str, depth: int = 0) -> str:
        """What stands for a schema: the name of a rule, or a term."""
        if depth > _DEEPEST or len(self.rules) > _MOST_RULES:
            raise ValueError("the schema is too large for a grammar")
        if schema is True or schema == {}:
            return "value"
        if not isinstance(schema, dict):
            raise ValueError("nothing keeps to the schema")
        if "$ref" in schema:
            return self._referred(str(schema["$ref"]), depth)
        if "enum" in schema or "const" in schema:
            options = schema["enum"] if "enum" in schema else [schema["const"]]
            return self._rule(name, " | ".join(_literal(json.dumps(one, ensure_ascii=False)) for one in options))
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self._either(schema[key], name, depth)
        if schema.get("allOf"):
            return self.of(_merged(schema, self._resolved), name, depth + 1)
        kinds = schema.get("type") or ("object" if "properties" in schema else None)
        if isinstance(kinds, list):
            return self._either([{**schema, "type": kind} for kind in kinds], name, depth)
        return self._typed(kinds, schema, name, depth)

    def _typed(self, kind: str | None, schema: Json, name: str, depth: int) -> str:
        match kind:
            case "object":
                return self._object(schema, name, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return self._string(schema, name)
            case "integer":
                least = schema.get("minimum", schema.get("exclusiveMinimum"))
                return "natural" if isinstance(least, int | float) and least >= 0 else "integer"
            case "number" | "boolean" | "null":
                return str(kind)
            case None:
                return "value"
        raise ValueError(f"there is no type '{kind}'")

    def _object(self, schema: Json, name: str, depth: int) -> str:
        properties: Json = schema.get("properties") or {}
        if not properties:
            more = schema.get("additionalProperties", True)
            if more is False:
                return '"{" ws "}"'
            if more is True or more == {}:
                return "object"
            member = self._rule(f"{name}-member", f'string ws ":" ws {self.of(more, f"{name}-value", depth + 1)}')
            return self._rule(name, f'"{{" ws ({member} (ws "," ws {member})*)? ws "}}"')
        required = set(schema.get("required") or ())
        pairs = [
            (self._pair(key, inner, f"{name}-{number}", depth), key in required)
            for number, (key, inner) in enumerate(properties.items())
        ]
        return self._rule(name, f'"{{" ws {self._members(pairs, name)} ws "}}"')

    def _pair(self, key: str, schema: Any, name: str, depth: int) -> str:
        said = _literal(json.dumps(key, ensure_ascii=False))
        return self._rule(f"{name}-pair", f'{said} ws ":" ws {self.of(schema, name, depth + 1)}')

    def _members(self, pairs: Sequence[tuple[str, bool]], name: str) -> str:
        """The members in their order, those that are not required left out or not: `more` follows another member,
        `first` does not."""
        more = first = ""
        for number, (pair, required) in reversed([*enumerate(pairs)]):
            follows = f'ws "," ws {pair}' if required else f'(ws "," ws {pair})?'
            begins = f"{pair} {more}".strip()
            first = begins if required else f"({begins} | {first})" if first else f"({begins})?"
            first = self._rule(f"{name}-from-{number}", first)
            more = self._rule(f"{name}-after-{number}", f"{follows} {more}".strip())
        return first

    def _array(self, schema: Json, name: str, depth: int) -> str:
        least, most = int(schema.get("minItems") or 0), schema.get("maxItems")
        fixed = [
            self.of(one, f"{name}-item-{number}", depth + 1)
            for number, one in enumerate(schema.get("prefixItems") or ())
        ]
        if fixed:
            return self._rule(name, '"[" ws ' + ' ws "," ws '.join(fixed) + ' ws "]"')
        item = self.of(schema.get("items", True), f"{name}-item", depth + 1)
        if most == 0:
            return '"[" ws "]"'
        further = f'(ws "," ws {item}){_times(max(0, least - 1), None if most is None else int(most) - 1)}'
        inner = f"{item} {further}" if least else f"({item} {further})?"
        return self._rule(name, f'"[" ws {inner} ws "]"')

    def _string(self, schema: Json, name: str) -> str:
        form = _FORMATS.get(str(schema.get("format")))
        if form is not None:
            return self._rule(str(schema["format"]), form)
        least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
        if not least and most is None:
            return "string"
        return self._rule(name, f'"\\"" char{_times(least, None if most is None else int(most))} "\\""')

    def _either(self, schemas: Sequence[Any], name: str, depth: int) -> str:
        return self._rule(
            name, " | ".join(self.of(one, f"{name}-{number}", depth + 1) for number, one in enumerate(schemas))
        )

    def _referred(self, reference: str, depth: int) -> str:
        known = self._refs.get(reference)
        if known is None:
            known = self._refs[reference] = f"ref-{len(self._refs)}"
            self.rules[known] = self.of(self._resolved(reference), f"{known}-is", depth + 1)
        return known

    def _resolved(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise ValueError(f"the reference '{reference[:100]}' leads out of the schema")
        found = self._whole
        for step in reference[1:].split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or key not in found:
                raise ValueError(f"the reference '{reference[:100]}' leads nowhere")
            found = found[key]
        return found

    def _rule(self, name: str, body: str) -> str:
        self.rules[name if name != "root" else "top"] = body
        return name if name != "root" else "top"


def _merged(schema: Json, resolved: Any) -> Json:
    """One schema of all that `allOf` asks for: keys and what is required add up, of anything else the last counts."""
    made: Json = {key: value for key, value in schema.items() if key != "allOf"}
    for one in schema["allOf"]:
        part = resolved(one["$ref"]) if isinstance(one, dict) and "$ref" in one else one
        if not isinstance(part, dict):
            raise ValueError("nothing keeps to the schema")
        joined = {**(made.get("properties") or {}), **(part.get("properties") or {})}
        required = [*(made.get("required") or ()), *(part.get("required") or ())]
        made = {
            **made,
            **part,
            **({"properties": joined} if joined else {}),
            **({"required": required} if required else {}),
        }
    return made


def _literal(text: str) -> str:
    """A text as a terminal."""
    said = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{said}"'


def _times(least: int, most: int | None) -> str:
    if most is None:
        return "*" if least == 0 else f"{{{least},}}"
    return f"{{{least},{max(least, most)}}}"
