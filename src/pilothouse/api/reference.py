"""The management API as one page for people, from its OpenAPI description. No script, nothing from elsewhere."""

from collections.abc import Iterator
from html import escape

from pilothouse.types import Json

__all__ = ["CONTENT_POLICY", "reference"]

CONTENT_POLICY = "default-src 'none'; style-src 'self'"

_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Pilothouse API</title><link rel="stylesheet" href="/console/static/console.css">
<main class="reference"><h1>Management API</h1>
<p>Every call needs a key, <code>Authorization: Bearer ph-...</code>, with a role: viewers read, annotators review,
editors change, administrators keep keys, teams and members. Machines read
<a href="/api/openapi.json">openapi.json</a>; models answer at <code>/v1</code>, in OpenAI's own format.</p>
"""


def reference(openapi: Json) -> str:
    """An HTML page with every path, what it does, what it takes."""
    return _HEAD + "".join(_sections(openapi)) + "</main></html>\n"


def _sections(openapi: Json) -> Iterator[str]:
    for path, methods in openapi.get("paths", {}).items():
        for method, operation in methods.items():
            yield f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield f"<p>{escape(operation.get('description') or operation.get('summary') or '')}</p>"
            rows = [*_parameters(operation), *_body(operation, openapi)]
            if rows:
                yield f"<table><tr><th>Name<th>Where<th>Type<th>Needed</tr>{''.join(rows)}</table>"
            yield "</section>"


def _parameters(operation: Json) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        yield _row(parameter["name"], parameter["in"], parameter.get("schema", {}), parameter.get("required", False))


def _body(operation: Json, openapi: Json) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = openapi.get("components", {}).get("schemas", {}).get(name, {})
    for field, kind in schema.get("properties", {}).items():
        yield _row(field, "body", kind, field in schema.get("required", ()))


def _row(name: str, where: str, schema: Json, needed: bool) -> str:
    kinds = [option.get("type", "") for option in schema.get("anyOf", [schema])]
    shown = " or ".join(kind for kind in kinds if kind and kind != "null")
    return f"<tr><td><code>{escape(name)}</code><td>{where}<td>{escape(shown)}<td>{'yes' if needed else ''}</tr>"
