"""Templates and what they need: escaping by default, amounts and times for people, and text made visible."""

import json
import re
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from pilothouse.console.units import SHARE
from pilothouse.console.visitor import Visitor
from pilothouse.observe.money import duration, usd

__all__ = ["ROOT", "Renderer", "moment", "visible"]

ROOT = "/console"
_NOUNS = {
    "Traces": "traces", "Dashboards": "dashboards", "Alerts": "alerts", "Approvals": "approvals", "Prompts": "prompts",
    "Experiments": "experiments", "Evals": "evals", "Datasets": "datasets", "Reviews": "reviews", "Models": "models",
    "Guards": "guards",
    "Cache": "cache", "Keys": "keys", "Teams": "teams", "Budgets": "budgets", "Configuration": "config",
    "Retention": "retention", "Audit": "audit",
}  # fmt: skip
_NOTICES = {
    "added": "Added. The trace stays what it is; correct here what a good answer would have been.",
    "archived": "Archived: it is not in the list any more. Nothing of it is lost.",
    "changed": "Saved.",
    "imported": "The items are in, as a new version.",
    "judged": "Your judgement is kept. Given again, it replaces this one.",
    "silenced": "Silenced. What is noticed meanwhile is written down.",
    "unchanged": "Nothing was changed.",
    "version": "Saved as a version. It serves once a label points to it.",
    "promoted": "The label points to it from the next call on.",
    "waits": "It waits for a second person to agree.",
    "prompt-back": "Rolled back: the label points to what it pointed to before.",
    "label-gone": "The label is taken away. Rolling back brings it back.",
    "approved": "Approved: the label points to it from the next call on.",
    "rejected": "Rejected. Nothing was moved.",
    "case": "The values are kept as an item of the dataset.",
    "started": "It runs. Calls are split from now on.",
    "stopped": "It is over. Calls go on as without it.",
    "created": "Created.",
    "corrected": "Your correction is kept, as an item of a dataset. Your vote is still asked for.",
    "deleted": "Deleted.",
    "erased": "Deleted for good. The list below says how much that was.",
    "removed": "Removed.",
    "revoked": "The key is revoked. It is refused from the next request on.",
    "rolled-back": "Rolled back: the earlier configuration serves again, under a new number.",
}
_SETTLED = frozenset(("Models", "Guards", "Cache", "Keys", "Teams", "Budgets", "Configuration", "Retention", "Audit"))
"""Pages for what is set once and looked at now and then: the bar has them in a menu."""
_ADMINISTERED = frozenset(("Keys", "Audit"))
"""Pages for administrators alone: for others they are not in the bar."""
_ATTENDED = frozenset(("Reviews",))
"""Pages for those who may not look at the rest."""

# Control characters but tab and newline; lone surrogates; the marks that change the direction of the text around them.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def visible(text: object) -> str:
    """Text from outside with every character that hides or reorders others written out, such as `⟨U+202E⟩`."""
    return _UNSEEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", str(text))


class Renderer:
    """Makes pages. `static` is the folder of files whose addresses carry their content's hash.

    `problem` tells what is wrong with the configuration and `trouble` what is away, which every page of a visitor then
    says. `nouns` are the pages there are.
    """

    def __init__(
        self,
        static: Path,
        problem: Callable[[], str | None] = lambda: None,
        nouns: Collection[str] = ("traces",),
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._static = static
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "visible": visible, "usd": usd, "duration": duration, "moment": moment, "iso": _iso, "count": _count,
            "scalar": _scalar, "amount": _amount, "day": _day, "percent": SHARE.whole, "size": _size,
            "seconds": _seconds,
        }  # fmt: skip
        self._pages = {n: f"{ROOT}/{path}" for n, path in _NOUNS.items() if path in nouns}
        self._environment.globals |= {
            "root": ROOT, "asset": self._asset, "config_problem": problem, "trouble": trouble, "notices": _NOTICES,
            "settled": _SETTLED,
        }  # fmt: skip
        self._assets: dict[str, str] = {}

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        visitor: Visitor | None = values.get("visitor")
        keeper = visitor is not None and visitor.may("administer")
        pages = {name: path for name, path in self._pages.items() if keeper or name not in _ADMINISTERED}
        if visitor is not None and not visitor.may("read"):
            pages = {name: path for name, path in pages.items() if name in _ATTENDED}
        return HTMLResponse(self._environment.get_template(template).render(values, pages=pages), status)

    def error(self, status: int, message: str, visitor: Visitor | None = None) -> HTMLResponse:
        return self.page("error.html", status, code=status, message=message, visitor=visitor)

    def _asset(self, name: str) -> str:
        address = self._assets.get(name)
        if address is None:
            version = blake2b((self._static / name).read_bytes(), digest_size=6).hexdigest()
            address = self._assets[name] = f"{ROOT}/static/{name}?v={version}"
        return address


def moment(us: int) -> str:
    """A time in UTC, to the second."""
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


def _amount(number: int | None, unit: str) -> str:
    """Nano-USD or tokens."""
    return usd(number) if unit == "usd" else f"{number or 0:,} tokens"


def _day(day: int) -> str:
    """A day since 1970-01-01, as a date."""
    return str(date(1970, 1, 1) + timedelta(days=day))


def _size(number: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def _seconds(seconds: float | None) -> str:
    """Seconds for people; nothing where they are not known."""
    return "" if seconds is None else duration(round(seconds * 1e6))
