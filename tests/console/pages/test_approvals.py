"""The page of approvals."""

from pilothouse.agents.approvals import Approvals
from pilothouse.agents.approving import Asked
from pilothouse.principal import EMBEDDED

from ..site import HOSTILE, Gateway


def test_a_call_is_shown_whole_and_decided_by_an_editor(site: Gateway) -> None:
    assert "Nothing waits" in site.page("/approvals")
    approvals = Approvals(site.platform.store)
    hostile = Asked(HOSTILE, HOSTILE, "write", '{"to": "<script>", "body": "%s"}' % ("x" * 5000), (HOSTILE,), (), "t1")
    one, two = (approvals.ask("default", hostile, 600, EMBEDDED).id for _ in range(2))
    page = site.page("/approvals")
    assert "<script>" not in page.split("<main")[1]
    assert "x" * 5000 in page, "what is not seen cannot be approved"
    answer = site.send("/approvals", id=one, word="approve", reason="fine")
    assert answer.headers["location"] == "/console/approvals?done=approved"
    site.send("/approvals", id=two, word="deny")
    assert [approvals.get("default", made).status for made in (one, two)] == ["approved", "denied"]
    page = site.page("/approvals?done=denied")
    assert "The call is denied." in page
    assert "fine" in page.split('aria-label="Past approvals"')[1]

    third = approvals.ask("default", hostile, 600, EMBEDDED).id
    site.act_as("viewer")
    assert "Approve</button>" not in site.page("/approvals")
    assert site.client.post("/console/approvals", data={"id": third, "word": "approve"}).status_code == 403
    site.act_as("annotator")
    assert site.client.get("/console/approvals").status_code != 200
    assert approvals.get("default", third).status == "pending"
