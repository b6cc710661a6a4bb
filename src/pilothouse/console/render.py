"""Templates and what they need: escaping by default, amounts and times for people, and text made visible."""

import json
import re
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from pilothouse.observe.money import duration, usd

__all__ = ["ROOT", "Renderer", "visible"]

ROOT = "/console"
_PAGES = {"Traces": f"{ROOT}/traces"}

# Control characters but tab and newline; lone surrogates; the marks that change the direction of the text around them.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def visible(text: object) -> str:
    """Text from outside with every character that hides or reorders others written out, such as `⟨U+202E⟩`."""
    return _UNSEEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", str(text))


class Renderer:
    """Makes pages. `static` is the folder of files whose addresses carry their content's hash."""

    def __init__(self, static: Path) -> None:
        self._static = static
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "visible": visible, "usd": usd, "duration": duration, "moment": _moment, "iso": _iso, "count": _count,
            "scalar": _scalar,
        }  # fmt: skip
        self._environment.globals |= {"root": ROOT, "pages": _PAGES, "asset": self._asset}
        self._assets: dict[str, str] = {}

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(self._environment.get_template(template).render(values), status)

    def error(self, status: int, message: str) -> HTMLResponse:
        return self.page("error.html", status, code=status, message=message)

    def _asset(self, name: str) -> str:
        address = self._assets.get(name)
        if address is None:
            version = blake2b((self._static / name).read_bytes(), digest_size=6).hexdigest()
            address = self._assets[name] = f"{ROOT}/static/{name}?v={version}"
        return address


def _moment(us: int) -> str:
    return _date(us).strftime("%Y-%m-%d %H:%M:%S")


def _iso(us: int) -> str:
    return _date(us).isoformat(timespec="milliseconds")


def _date(us: int) -> datetime:
    """The time, or the nearest that a calendar can show."""
    seconds = max(0, min(us // 1000, 253_402_300_799_000)) / 1000
    return datetime.fromtimestamp(seconds, UTC)


def _scalar(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _count(number: int) -> str:
    return f"{number:,}"
