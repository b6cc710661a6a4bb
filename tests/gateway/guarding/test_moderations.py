import pytest

from pilothouse.call import Call
from pilothouse.errors import Forbidden, InvalidRequest, NotFound
from pilothouse.principal import Policy, Principal
from pilothouse.single import ModerationRequest
from pilothouse.types import decode_body

from ..scripted import Recording
from .test_watch import ACME, gateway_with


async def test_a_policy_moderates_each_text_in_openais_shape(recording: Recording) -> None:
    gateway, provider = gateway_with({"input": [ACME, {"use": "length", "at_most": 100}]})
    request = ModerationRequest.check({"model": "guard:p", "input": ["Ask Acme", "hello"]})
    told = decode_body(await gateway.moderate(request, Call(recording)))
    bad, good = told["results"]
    assert (bad["flagged"], good["flagged"]) == (True, False)
    assert bad["categories"] == {"words": True, "words/name": True, "length": False}
    assert bad["category_scores"]["words/name"] == 1.0
    assert not provider.requests
    (span,) = recording.spans
    assert (span.kind, span.cost_nano) == ("guard", None)
    assert span.versions["guards"].startswith("p@")


async def test_parts_belong_together_and_no_guard_looks_at_images(recording: Recording) -> None:
    gateway, _ = gateway_with({"input": [ACME]})
    parts = [{"type": "text", "text": "Ask"}, {"type": "text", "text": "acme"}]
    told = decode_body(await gateway.moderate(ModerationRequest.check({"model": "guard:p", "input": parts}),
                                              Call(recording)))  # fmt: skip
    assert [one["flagged"] for one in told["results"]] == [True]
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    with pytest.raises(InvalidRequest, match="no guard looks at images"):
        await gateway.moderate(ModerationRequest.check({"model": "guard:p", "input": [*parts, image]}), Call(recording))


async def test_a_policy_must_be_there_and_be_allowed(recording: Recording) -> None:
    gateway, _ = gateway_with({"input": [ACME]})
    with pytest.raises(NotFound, match="There are: guard:p, guard:q"):
        await gateway.moderate(ModerationRequest.check({"model": "guard:r", "input": "x"}), Call(recording))
    caller = Principal("default", "k", "caller", policy=Policy(models=("m",)))
    request = ModerationRequest.check({"model": "guard:p", "input": "x"})
    with pytest.raises(Forbidden):
        await gateway.moderate(request, Call(recording, caller))
