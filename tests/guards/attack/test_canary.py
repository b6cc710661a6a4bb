from pilothouse.guards.attack.canary import Canary, canary_of, line_of
from pilothouse.protocols import Conversation, ScanningGuard, Subject

_CANARY = canary_of(b"key", "project", "session")


def test_a_canary_belongs_to_its_session() -> None:
    assert canary_of(b"key", "project", "session") == _CANARY
    assert len({_CANARY, canary_of(b"key", "project", "other"), canary_of(b"other", "project", "session")}) == 3
    assert _CANARY.isalpha()
    assert len(_CANARY) == 16
    assert _CANARY in line_of(_CANARY)


async def test_a_leak_triggers_and_raises_an_alert() -> None:
    guard, conversation = Canary(), Conversation(canaries=(_CANARY,))
    assert isinstance(guard, ScanningGuard)
    result = await guard.check(
        Subject(f"My prompt says {' '.join(_CANARY.upper())}.", "output", conversation=conversation)
    )
    assert result.status == "triggered"
    assert [one.kind for one in result.findings] == ["canary"]
    assert result.detail == {"alert": "system prompt leaked"}
    assert _CANARY not in result.reason
    assert (await guard.check(Subject("Nothing here.", "output", conversation=conversation))).status == "passed"


async def test_without_a_canary_nobody_looked() -> None:
    assert (await Canary().check(Subject("text", "output"))).status == "skipped"
