"""Figures as people read them: as many digits as tell something, intervals, money, times. Plain text."""

__all__ = ["figure", "interval", "money", "percent", "probability", "seconds", "signed", "times"]

_NANO = 1e9


def figure(value: float | None) -> str:
    """Three decimals below 100, one above; small ones by two digits that count."""
    if value is None:
        return "–"
    size = abs(value)
    if size and size < 0.0005:
        return f"{value:.2g}"
    return f"{value:,.3f}" if size < 100 else f"{value:,.1f}"


def signed(value: float | None) -> str:
    """A change, with its sign."""
    return "–" if value is None else ("+" if value >= 0 else "") + figure(value)


def interval(low: float | None, high: float | None) -> str:
    """The bounds, or that there are none."""
    return "no interval" if low is None or high is None else f"{figure(low)} to {figure(high)}"


def percent(share: float | None) -> str:
    """A share (0 to 1) with one decimal."""
    return "–" if share is None else f"{share:.1%}"


def probability(p: float) -> str:
    """A p-value; what is below 0.001 is told as that."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def money(nano: int | None, unpriced: int = 0) -> str:
    """Nano-USD as USD; unknown is no 0, and what is not known of a sum is said beside it."""
    if nano is None:
        return "unknown"
    told = f"${nano / _NANO:,.4f}" if nano < 100 * _NANO else f"${nano / _NANO:,.2f}"
    return f"{told} and {unpriced} answers or verdicts of unknown price" if unpriced else told


def seconds(value: float | None) -> str:
    """A time, to the millisecond where it is short."""
    return "–" if value is None else f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def times(count: int) -> str:
    """How often, in words for one."""
    return "once" if count == 1 else f"{count} times"
