"""JSON schemas for vendors whose structured output takes a subset of JSON Schema. Knows nothing of the vendors."""

from typing import Any

from pilothouse.types import Json

__all__ = ["closed", "is_strict"]

_UNCHECKED = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
    "uniqueItems", "minProperties", "maxProperties",
})  # fmt: skip
"""Constraints that constrained decoding does not know; said in words in the description instead."""


def closed(schema: Json) -> Json:
    """The schema with `additionalProperties: false` on every object and unknown constraints moved into descriptions.

    This is what Anthropic's structured outputs ask for (docs: structured outputs, JSON Schema limitations); a schema
    that already keeps to it comes back equal.
    """
    return _closed(schema)  # type: ignore[no-any-return]


def is_strict(node: Any) -> bool:
    """Whether OpenAI can enforce the schema: each object closed, and all its properties required."""
    if isinstance(node, list):
        return all(map(is_strict, node))
    if not isinstance(node, dict):
        return True
    if node.get("type") == "object" or "properties" in node:
        complete = set(node.get("required") or ()) == set(node.get("properties") or ())
        if node.get("additionalProperties") is not False or not complete:
            return False
    return all(map(is_strict, node.values()))


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    out: Json = {}
    said: list[str] = []
    for name, value in node.items():
        if name in ("properties", "$defs", "definitions") and isinstance(value, dict):
            out[name] = {key: _closed(item) for key, item in value.items()}
        elif name in ("const", "enum", "default", "examples"):
            out[name] = value
        elif (name in _UNCHECKED or (name == "minItems" and value not in (0, 1))) and "type" in node:
            said.append(f"{name}: {value}")
        else:
            out[name] = _closed(value)
    if out.get("type") == "object" or (isinstance(out.get("type"), list) and "object" in out["type"]):
        out.setdefault("additionalProperties", False)
    if said:
        out["description"] = " ".join([*filter(None, [out.get("description")]), f"({', '.join(said)})"])
    return out
