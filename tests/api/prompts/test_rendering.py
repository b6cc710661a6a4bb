from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.access.audit import Actor
from pilothouse.app import build
from pilothouse.faces import faces
from pilothouse.prompts.content import content_of
from pilothouse.settings import Settings
from pilothouse.types import Json

BY = Actor("key-ana (Ana)", "api")
CHAT = [{"role": "system", "content": "{% include 'tone' %}"}, {"role": "user", "content": "\n{{ question }}"}]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A platform with the prompts `tone` and `rag/answer`, in production."""
    home: Path = tmp_path_factory.mktemp("home")
    with build(Settings(home=home, master_key="ph-master")) as platform:
        platform.first_key()
        prompts = platform.prompts.prompts
        for name, template in (("tone", "Be dry."), ("rag/answer", CHAT)):
            content = content_of({"template": template})
            made = prompts.create("default", name, content, by=BY)
            prompts.promote("default", name, made.number, by=BY)
        yield TestClient(faces(platform), headers={"authorization": "Bearer ph-master"}, raise_server_exceptions=False)


def ask(client: TestClient, path: str, body: Json, status: int = 200) -> Json:
    answer = client.post(f"/api/prompts/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["rag/answer", "rag%2Fanswer"])
def test_a_version_is_rendered_by_name(client: TestClient, name: str) -> None:
    told = ask(client, f"{name}/render", {"variables": {"question": "Why?"}})
    assert told == {
        "prompt": "rag/answer@1",
        "text": None,
        "messages": [{"role": "system", "content": "Be dry."}, {"role": "user", "content": "\nWhy?"}],
        "included": ["tone@1"],
        "chars": 12,
        "estimated_tokens": 3,
    }
    assert ask(client, f"{name}/render", {"variables": {"question": "Why?"}, "version": 1}) == told


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({}, "missing_variable", "The variable 'question' is missing."),
        ({"variables": {"question": "", "q": 1}}, "unknown_variable", "The prompt has no variable 'q'."),
        ({"variables": {"question": ""}, "label": "staging"}, "not_found", "staging"),
        ({"variables": []}, "invalid_request_error", "variables"),
        ({"version": "1"}, "invalid_request_error", "version"),
    ],
)
def test_what_cannot_be_rendered_says_why(client: TestClient, body: Json, code: str, said: str) -> None:
    status = 404 if code == "not_found" else 400
    error = ask(client, "rag/answer/render", body, status)["error"]
    assert error["code"] == code
    assert said in error["message"]


def test_a_draft_is_shown_with_all_that_is_wrong_with_it(client: TestClient) -> None:
    draft = {
        "template": "{% include 'tone' %}\n{{ q }}",
        "variables": {"q": {"max_chars": 3}, "spare": {"default": "x"}},
    }
    told = ask(client, "render", {"content": draft, "variables": {"q": "Why"}})
    assert (told["text"], told["included"]) == ("Be dry.\nWhy", ["tone@1"])
    assert told["variables"] == [{"name": "q", "required": True, "line": 2, "message": None}]
    unused = {"kind": "unused", "what": "the variable 'spare' is declared and not used.", "line": None, "message": None}
    assert told["problems"] == [unused]
    told = ask(client, "render", {"content": draft, "variables": {"q": "Why?"}})
    assert told["text"] is None
    assert told["problems"][1] == {
        "kind": "invalid_variable",
        "what": "'q' has 4 characters; at most 3 are allowed.",
        "line": None,
        "message": None,
    }


@pytest.mark.parametrize(
    ("template", "kind", "line"),
    [
        ("a\n{{ ''.__class__ }}", "syntax", 2),
        ("\n\n{% for i in range(10**9) %}{% endfor %}", "template_refused", 3),
        ("{% include 'away' %}", "include", 1),
        ("a\n{% if", "syntax", 2),
    ],
)
def test_a_hostile_draft_is_refused_with_its_line(client: TestClient, template: str, kind: str, line: int) -> None:
    told = ask(client, "render", {"content": {"template": template}})
    (problem,) = told["problems"]
    assert (told["text"], problem["kind"], problem["line"]) == (None, kind, line)


def test_a_draft_that_is_none(client: TestClient) -> None:
    for content in (None, [], {"template": 3}, {"template": "x", "syntax": "erb"}, {"template": "a\0"}):
        assert ask(client, "render", {"content": content}, 400)["error"]["type"] == "invalid_request_error"
    answer = client.post("/api/prompts/render", content=b'{"content": {"template": "\\ud800"}}')
    assert answer.status_code == 400
