"""Amounts and durations as people read them, in one place for the command line and the console."""

__all__ = ["duration", "usd"]

_NANO = 10**9


def usd(nano: int | None) -> str:
    """Nano-USD for people: `$0.000123`, `$12.34`, `<$0.000001`, and `unknown` where there is no price."""
    if nano is None:
        return "unknown"
    if nano < 0:
        return f"-{usd(-nano)}"
    if nano == 0:
        return "$0"
    if nano < 500:
        return "<$0.000001"
    digits = 6 if nano < _NANO else 4 if nano < 100 * _NANO else 2
    return f"${nano / _NANO:,.{digits}f}"


def duration(us: int | None) -> str:
    """Microseconds for people: `850 µs`, `12.3 ms`, `1.24 s`, `3 min 05 s`, `5 h 20 min`, `4 days 2 h`."""
    if us is None:
        return ""
    if us < 1000:
        return f"{us} µs"
    if us < 10_000:
        return f"{us / 1000:.1f} ms"
    if us < 999_500:
        return f"{us / 1000:.0f} ms"
    if us < 59_995_000:
        return f"{us / 1e6:.2f} s"
    minutes, seconds = divmod(round(us / 1e6), 60)
    if minutes < 120:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} days {hours % 24} h"
