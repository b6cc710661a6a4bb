from pilothouse.guarded import Finding
from pilothouse.guards.remote.lakera import Lakera
from pilothouse.protocols import Conversation, Subject
from pilothouse.testing.lakera_server import LakeraServer


async def test_personal_data_has_places_and_an_attack_has_none() -> None:
    async with LakeraServer() as server:
        guard = Lakera(base_url=server.url, project="project-1", usd_per_request=0.001)
        mail = await guard.check(
            Subject("Write to a@b.org now.", "output", conversation=Conversation(question="Where?"))
        )
        assert mail.findings == (Finding("email", 9, 16),)
        assert [turn.role for turn in server.heard.turns] == ["user", "assistant"]
        assert server.heard.model == "project-1"
        both = await guard.check(Subject("harmful a@b.org", "input"))
        assert (both.status, both.findings) == ("triggered", ())
        assert both.reason == "Lakera flags prompt_attack, pii/email."
        assert both.cost_nano == 1_000_000
        assert (await guard.check(Subject("hello", "input"))).status == "passed"
        await guard.aclose()


async def test_what_it_costs_is_unknown_where_nobody_says() -> None:
    async with LakeraServer() as server:
        guard = Lakera(base_url=server.url)
        assert (await guard.check(Subject("hello", "input"))).cost_nano is None
        await guard.aclose()
