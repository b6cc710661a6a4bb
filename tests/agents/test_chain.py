import pytest

from pilothouse.agents.chain import Chain, Link
from pilothouse.agents.scripted import Scripted, says
from pilothouse.errors import InvalidRequest
from pilothouse.types import Json

LINKS = [
    Link(name="facts", prompt="Facts of {{text}}", model="small"),
    Link(name="sum", prompt="Sum up: {{ facts }} for {{who}}", system="Be brief.", params={"max_tokens": 5}),
]


async def test_each_link_is_asked_with_the_answers_before_it() -> None:
    model = Scripted(lambda body: says(f"<{body['messages'][-1]['content']}>"), cost_nano=1_000_000)
    told = await Chain(links=LINKS, model="m", platform=model).run(text="{{who}}", who="Ada")
    assert told.text == "<Sum up: <Facts of {{who}}> for Ada>", "an answer is no template"
    assert told.answers == {"facts": "<Facts of {{who}}>", "sum": told.text}
    assert told.cost_usd == 0.002
    first, second = model.bodies
    assert (first["model"], second["model"], second["max_tokens"]) == ("small", "m", 5)
    assert [span.name for span in model.spans] == ["facts", "sum", "chain chain"]


async def test_a_chain_that_cannot_be_asked_says_why() -> None:
    def answer(body: Json) -> Json:
        raise AssertionError("asked")

    with pytest.raises(InvalidRequest, match="The input 'who' is missing"):
        await Chain(links=LINKS, model="m", platform=Scripted(answer)).run(text="x")
    with pytest.raises(InvalidRequest, match="'sum' has no model"):
        Chain(links=LINKS)
    with pytest.raises(InvalidRequest, match="asks for 'b', which is not answered before"):
        Chain(links=[Link(name="a", prompt="{{b}}"), Link(name="b", prompt="")], model="m")
    with pytest.raises(InvalidRequest, match="a name of its own"):
        Chain(links=[], model="m")
