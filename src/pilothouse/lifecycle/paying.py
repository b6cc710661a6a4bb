"""Who pays for what the platform asks of models by itself: a project or a key, and a purse for the purpose.

The purse is an account like any other: what may be spent from it in a day is held before a call and settled by the
ledger, in whatever process. Knows nothing of what is asked.
"""

from dataclasses import replace
from decimal import Decimal

from pilothouse.access import Keys
from pilothouse.config import Budget
from pilothouse.errors import ConfigError
from pilothouse.ids import now_us
from pilothouse.observe.costs.charges import account_name, day_of, home_of
from pilothouse.observe.costs.ledger import Ledger, Place
from pilothouse.principal import Level, Principal

__all__ = ["Payers", "account_of"]


def account_of(purpose: str) -> str:
    """The account of a purpose, such as `online/support`; it stands above projects."""
    return account_name(f"evals:{purpose}")


class Payers:
    """Over these keys and this ledger."""

    def __init__(self, keys: Keys, ledger: Ledger) -> None:
        self._keys = keys
        self._ledger = ledger

    def principal(self, project: str, purpose: str, usd_per_day: Decimal, key: str | None) -> Principal:
        """Who calls: the key with this id, else the project itself. Raises ConfigError for a key that is not valid, or
        is another project's."""
        purse = Level(account_of(purpose), budgets=(Budget(period="day", usd=usd_per_day, alert_at=1.0),))
        if key is None:
            levels = self._keys.directory.levels(project, None)
            organisation = self._keys.directory.organisation_of(project)
            return Principal(project, "", "caller", organisation, name=purpose, levels=(*levels, purse))
        found = self._keys.principal_of(key)
        if found is None or found.project_id != project:
            raise ConfigError(f"There is no valid key '{key[:64]}' in the project '{project}'.", param="key")
        return replace(found, levels=(*found.levels, purse))

    def project_of(self, key: str) -> str | None:
        """The project of a valid key."""
        found = self._keys.principal_of(key)
        return None if found is None else found.project_id

    def spent(self, purposes: list[str], at_us: int | None = None) -> list[int]:
        """What was spent for each on that day (UTC; today), in nano-USD, by the ledger. Blocks."""
        day = day_of(now_us() if at_us is None else at_us)
        accounts = [account_of(purpose) for purpose in purposes]
        places = [Place(home_of(account, ""), account, day, day + 1) for account in accounts]
        return [spent.nano for spent in self._ledger.spent(places)]
