"""The pages of the configuration: what serves, what served, and the way to the next one."""

import re

import pytest

from ..site import HOSTILE, Gateway

NEW = """
providers:
  openai: {api_key: (hidden)}
models:
  fast:
    deployments: [{provider: builtin, model: echo}]
"""


def serving(site: Gateway) -> int:
    return site.platform.live.snapshot.number


def edit(site: Gateway, text: str, action: str = "save", expected: int | None = None) -> str:
    """The page that comes of sending this text; after a save, the one that follows."""
    number = serving(site) if expected is None else expected
    answer = site.send("/config/edit", text=text, action=action, expected=number)
    return site.page(answer.headers["location"].removeprefix("/console")) if answer.is_redirect else answer.text


def test_what_serves(site: Gateway) -> None:
    page = site.page("/config")
    assert "Configuration 1" in page
    assert "(hidden)" in page
    assert "sk-written-out" not in page
    assert "strategy: latency" in page
    assert "pilothouse.yaml" in page


def test_a_new_one_is_saved_and_serves(site: Gateway) -> None:
    page = edit(site, NEW.replace("\n", "\r\n"))
    assert "Saved." in page
    assert "Configuration 2" in page
    assert list(site.platform.snapshot.config.models) == ["fast"]
    assert site.platform.snapshot.config.providers["openai"].api_key == "sk-written-out"
    revision = site.platform.live.store.history()[0]
    assert (revision.author, revision.source) == ("embedded (embedded)", "console")
    entry = site.platform.audit.list("default")[0]
    assert (entry.action, entry.source) == ("config.put", "console")
    assert "Nothing was changed" in edit(site, NEW)
    assert serving(site) == 2


def test_checking_changes_nothing(site: Gateway) -> None:
    page = edit(site, NEW, "check")
    assert "It can serve. This would change:" in page
    assert "models.fast.limits.parallel" in page
    assert "model: echo}]" in page
    assert serving(site) == 1


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (NEW.replace("model: echo", "modle: echo"), 6, "unknown key; did you mean"),
        (NEW.replace("builtin", "built"), 6, "no provider"),
        ("models:\n  fast: {deployments: [}", 2, "not valid YAML"),
        ("models: {}\nmodels: {}", 2, "stands in line 1 already"),
        ("models: {}\ncache:\n  store: redis", 3, "PILOTHOUSE_REDIS_URL"),
        ("models: {}\nproviders:\n  x:\n    kind: openai\n    api_key: ${NOT_THERE}", 5, "NOT_THERE is not set"),
        ("models: {}\nproviders:\n  x: {api_key: (hidden)}", 3, "no secret is kept there"),
        ("providers:\n  odd: {kind: nonsense}", 2, "nonsense"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("action", ["save", "check"])
def test_mistakes_are_shown_at_their_line(site: Gateway, text: str, line: int, told: str, action: str) -> None:
    page = edit(site, text, action)
    assert "Nothing was saved" in page
    assert told in page
    assert f'data-line="{line}">Line {line}</a>' in page
    marked = re.search(r'<li class="at"><code>([^<]*)</code>', page)
    assert marked is not None
    assert marked[1].strip().split(":")[0] in text.splitlines()[line - 1]
    assert serving(site) == 1


@pytest.mark.parametrize(
    ("change", "line", "told"),
    [
        ("base_url: 'https://evil', api_key: (hidden)", 3, "only where &#39;base_url&#39; of its provider stays"),
        ("base_url: 'https://evil', api_key: '${HOME}'", 3, "sends ${HOME} to a new place"),
    ],
)
@pytest.mark.parametrize("action", ["save", "check"])
def test_an_editor_sends_no_secret_elsewhere(site: Gateway, change: str, line: int, told: str, action: str) -> None:
    site.act_as("editor")
    page = edit(site, NEW.replace("api_key: (hidden)", change), action)
    assert told in page
    assert f'data-line="{line}">Line {line}</a>' in page
    assert serving(site) == 1


def test_every_mistake_is_named(site: Gateway) -> None:
    page = edit(site, NEW.replace("model: echo", "modle: echo").replace("api_key: (hidden)", "api_kye: x"))
    assert page.count('<li class="at">') >= 2


def test_somebody_else_was_first(site: Gateway) -> None:
    edit(site, NEW)
    page = edit(site, NEW.replace("echo", "extractive"), expected=1)
    assert "Somebody else was first" in page
    assert "2 by embedded" in page
    assert "/console/config/diff?from=1&amp;to=2" in page
    assert "model: extractive" in page
    assert serving(site) == 2


def test_the_text_comes_back_as_it_was(site: Gateway) -> None:
    text = "\n\n# </textarea><script>alert(1)</script> \u202e\nmodels: [\n"
    page = edit(site, text)
    inside = page.split('class="code">\n')[-1].split("</textarea>")[0]
    assert inside == text.replace("<", "&lt;").replace(">", "&gt;")


def test_going_back(site: Gateway) -> None:
    edit(site, NEW)
    question = site.page("/config/rollback?number=1")
    assert "models.fast.limits.parallel" in question
    answer = site.send("/config/rollback", "/config/rollback?number=1", number=1, expected=2)
    assert answer.headers["location"] == "/console/config?done=rolled-back"
    assert serving(site) == 3
    assert site.platform.snapshot.config == site.platform.live.store.read(1).config
    assert "holds the same" in site.page("/config/rollback?number=1")


def test_going_back_from_what_is_no_longer_there(site: Gateway) -> None:
    edit(site, NEW)
    edit(site, NEW.replace("echo", "extractive"))
    answer = site.send("/config/rollback", "/config/rollback?number=1", number=1, expected=2)
    assert answer.status_code == 409
    assert serving(site) == 3
    for number in ("", "x", "-1", "²", "9" * 30):
        wrong = site.send("/config/rollback", "/config/rollback?number=1", number=number, expected=3)
        assert wrong.status_code == 400, number


def test_history_and_what_differs(site: Gateway) -> None:
    for number in range(55):
        edit(site, NEW.replace("echo", f"echo-{number}"))
    first = site.page("/config/history")
    older = re.search(r'rel="next" href="/console([^"]+)"', first)
    assert older is not None
    assert "from console" in first
    assert "from file" in site.page(older[1])
    page = site.page("/config/diff?from=2&to=3")
    assert "echo-0" in page
    assert "echo-1" in page
    assert "Nothing differs" in site.page("/config/diff?from=3&to=3")
    assert "none" in site.page("/config/diff?to=1")
    assert "There is no Snapshot 99" in site.page("/config/diff?from=1&to=99", 404)
    assert "There is no Snapshot 99" in site.page("/config?number=99", 404)
    assert "does not serve" in site.page("/config?number=2")
    site.page("/config?number=x", 400)


def test_a_problem_is_on_every_page_of_who_is_signed_in(site: Gateway) -> None:
    path = site.platform.settings.config
    path.write_text("models: {fast: <script>alert(1)</script>}")
    site.platform.live.reload()
    site.platform.live.check()
    for page in ("/traces", "/keys", "/teams", "/budgets", "/models", "/cache", "/audit", "/config", "/config/edit"):
        text = site.page(page)
        assert "A newer configuration does not serve" in text, page
        assert "pilothouse.yaml:1: models.fast" in text
    assert "does not serve" in site.page("/nothing", 404)
    site.client.cookies.clear()
    assert "does not serve" not in site.page("/login")
    refused = site.client.post("/console/keys", headers={"sec-fetch-site": "cross-site"})
    assert "pilothouse.yaml" not in refused.text


def test_viewers_look_and_do_not_change(site: Gateway) -> None:
    edit(site, NEW)
    site.act_as("viewer")
    for path in ("/config", "/config/history", "/config/diff?to=2", "/config?number=1"):
        page = site.page(path)
        assert "oll back" not in page, path
        assert "/config/edit" not in page
    for path in ("/config/edit", "/config/rollback?number=1"):
        site.page(path, 403)
    for path in ("/config/edit", "/config/rollback"):
        assert site.client.post(f"/console{path}", data={"number": 1, "expected": 2}).status_code == 403
    assert serving(site) == 2


def test_an_editor_changes_it(site: Gateway) -> None:
    site.act_as("editor")
    assert "Saved." in edit(site, NEW)
    assert site.platform.live.store.history()[0].author == "member:ada (Ada)"


def test_hostile_text_stays_text(site: Gateway) -> None:
    text = HOSTILE.replace("\0", "").replace("'", "''")
    edit(
        site,
        f"models: {{fast: {{deployments: [{{provider: builtin, model: echo}}], fallbacks: {{answer: '{text}'}}}}}}",
    )
    assert serving(site) == 2
    for path in ("/config", "/config/diff?to=2", "/config/rollback?number=1", "/config/edit", "/models", "/audit"):
        page = site.page(path)
        assert "<script>document" not in page, path
        assert "<img" not in page, path
