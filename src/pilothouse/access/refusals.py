"""What a caller is told whose budget has no room. Knows nothing of how budgets are counted."""

from datetime import date

from pilothouse.access.purses import Purse
from pilothouse.config import Period
from pilothouse.errors import BudgetExceeded, ConfigError
from pilothouse.observe.money import usd
from pilothouse.storage.counters import Standing

__all__ = ["exceeded", "without_price"]

_SPANS: dict[Period, str] = {"day": "today", "week": "this week", "month": "this month", "total": "all time"}
_BUSY_SECONDS = 1.0


def exceeded(purse: Purse, day: int, standing: Standing, nano: int, tokens: int) -> BudgetExceeded:
    """Which budget has no room for a call of this bound, where it stands, and what helps.

    Where only calls that are running now stand in the way, the answer asks to try again soon.
    """
    s = standing
    by_nano = purse.nano is not None and nano > 0 and s.settled_nano + s.held_nano + nano > purse.nano
    if by_nano:
        limit, settled, held, needed = purse.nano or 0, s.settled_nano, s.held_nano, nano
        spent = f"{usd(settled)} is spent and {usd(held)} is held by running calls, of {usd(limit)}"
        wanted = f"this call may cost up to {usd(needed)}"
    else:
        limit, settled, held, needed = purse.tokens or 0, s.settled_tokens, s.held_tokens, tokens
        spent = f"{settled:,} tokens are spent and {held:,} held by running calls, of {limit:,}"
        wanted = f"this call may take up to {needed:,} tokens"
    busy = settled + needed <= limit
    ends: date | None = purse.window(day).ends
    until = "It does not begin anew." if ends is None else f"It begins anew on {ends} (UTC)."
    if busy:
        until = "Ask again when a running call has ended."
    elif settled < limit:
        until = f"Set a lower max_tokens. {until}"
    return BudgetExceeded(
        f"The budget of {purse.account} for {_SPANS[purse.period]} has no room: {spent}; {wanted}. {until}",
        retry_after=_BUSY_SECONDS if busy else None,
        headers=(("x-should-retry", "true" if busy else "false"),),
    )


def without_price(purse: Purse, model: str) -> ConfigError:
    """No price is known for a model that may answer, so a budget in USD cannot be kept."""
    return ConfigError(
        f"No price is known for {model}, and {purse.account} has a budget in USD. Add the price under `prices:` in the "
        "configuration, or set `unpriced: allow` to let such calls pass uncounted.",
        param="model",
    )
