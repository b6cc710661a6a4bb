"""What an axis counts: how its numbers are written, short at the axis and whole in a table, and where its ticks lie."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pilothouse.observe.money import duration, usd

__all__ = [
    "COUNT",
    "MONEY",
    "RATE",
    "ROUGHLY",
    "SCORE",
    "SHARE",
    "SPEED",
    "TIME",
    "Unit",
    "change",
    "log_ticks",
    "round_ticks",
    "signed",
]

_NANO = 1e9
_ROUND = (1, 2, 2.5, 5, 10)
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class Unit:
    """How numbers are written: `short` at an axis, `whole` in words. `base` is one of what people count in; `highest`
    bounds the axis, `finest` is the least step of it, both in bases."""

    short: Callable[[float], str]
    whole: Callable[[float], str]
    base: float = 1.0
    highest: float | None = None
    finest: float = 0.0

    def told(self, value: float | None) -> str:
        """In words; nothing where there is none."""
        return "" if value is None else self.whole(value)


def round_ticks(top: float, unit: Unit, low: float = 0.0, most: int = 4) -> list[float]:
    """0 and round numbers up to the first that is not below `top`: `most` steps at the most; and down to `low`."""
    top = max(top, 0.0) / unit.base
    if unit.highest is not None:
        top = min(top, unit.highest)
    if top <= 0:
        top = max(1.0, -low / unit.base)
    scale = 10.0 ** math.floor(math.log10(top / most))
    step = next(scale * one for one in (*_ROUND, 20, 50) if scale * one * most >= top * (1 - 1e-9))
    step = max(step, unit.finest)
    first = math.floor(min(low, 0.0) / unit.base / step + 1e-9)
    return [round(index * step, 12) * unit.base for index in range(first, math.ceil(top / step - 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """The powers of ten between two values, with twos and fives where those are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    digits = (1,) if last - first > 3 else (1, 2, 5)
    ticks = [digit * 10.0**power for power in range(first, last + 1) for digit in digits]
    return [tick for tick in ticks if low <= tick <= high]


def change(now: float | None, before: float | None) -> str:
    """How much more or less it is than before: `+12 %`; nothing where that cannot be said."""
    if now is None or not before:
        return ""
    percent = round((now / before - 1) * 100)
    return f"{'−' if percent < 0 else '+' if percent else '±'}{abs(percent):,} %"


def signed(unit: Unit) -> Unit:
    """The unit of a difference: with its sign."""

    def with_sign(write: Callable[[float], str]) -> Callable[[float], str]:
        return lambda value: f"{'−' if value < 0 else '+' if value > 0 else ''}{write(abs(value))}"

    return Unit(with_sign(unit.short), with_sign(unit.whole), unit.base, None, 0.0)


def _compact(value: float) -> str:
    for size, suffix in _SUFFIXES:
        if abs(value) >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def _short_money(nano: float) -> str:
    dollars = nano / _NANO
    return "$" + (_compact(dollars) if dollars >= 1000 or dollars == 0 else f"{dollars:.6f}".rstrip("0").rstrip("."))


def _short_time(us: float) -> str:
    if us < 1000:
        return f"{us:.3g} µs" if us else "0"
    if us < 1e6:
        return f"{us / 1000:.3g} ms"
    return f"{us / 1e6:.4g} s"


def _whole_count(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:,.1f}"


def _share(value: float) -> str:
    return f"{value * 100:.1f} %" if 0 < value < 0.1 else f"{value * 100:.0f} %"


COUNT = Unit(_compact, _whole_count, finest=1)
MONEY = Unit(_short_money, lambda nano: usd(round(nano)), _NANO)
TIME = Unit(_short_time, lambda us: duration(round(us)), 1000)
ROUGHLY = Unit(_compact, _compact, finest=1)
RATE = Unit(_compact, lambda value: f"{value:,.0f}" if value >= 100 else f"{value:.3g}")
SPEED = Unit(_compact, lambda value: f"{value:,.1f} tokens/s")
SHARE = Unit(lambda share: f"{share * 100:.3g} %", _share, 0.01, 100)
SCORE = Unit(lambda value: f"{value:.3g}", lambda value: f"{value:.3f}")
