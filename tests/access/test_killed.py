"""kill -9 in the middle of calls: what they had produced is charged, else their bound; nothing twice, nothing lost."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from pilothouse.settings import Settings

from .spending_process import BOUND, COST, ENDED, RECORDED, Spending

SCRIPT = Path(__file__).with_name("spending_process.py")
EACH = ENDED * COST + 2 * RECORDED + BOUND


def _spend_until_killed(settings: Settings) -> None:
    command = [sys.executable, str(SCRIPT), str(settings.home), *filter(None, [settings.database_url])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "spent\n"
        process.kill()
    assert process.returncode == -9


async def test_a_process_killed_mid_call(settings: Settings) -> None:
    for round_ in (1, 2):
        _spend_until_killed(settings)
        heir = Spending(settings)
        heir.drainer.take_over()
        heir.drainer.flush()
        entries = heir.ledger.entries(limit=500).entries
        assert Counter((entry.kind, entry.nano) for entry in entries) == {
            ("call", COST): ENDED * round_,
            ("orphan", RECORDED): 2 * round_,
            ("orphan", BOUND): round_,
        }
        assert heir.ledger.open_calls() == []
        await _counters_say(heir, EACH * round_)
        assert heir.ledger.rebuild().corrected == 0
        heir.drainer.stop()
        heir.spool.close()
        heir.store.close()


async def _counters_say(heir: Spending, spent: int) -> None:
    call, hold, _ = await heir.reserve()
    (standing,) = await heir.budgets.standings(heir.budgets.accounts(call, "fast").purses)
    assert (standing.nano, standing.held_nano) == (spent, BOUND)
    hold.cancel()
