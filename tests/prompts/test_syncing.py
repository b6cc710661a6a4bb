"""Files beside a registry: neither side is ever overwritten where both were changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pilothouse.errors import Conflict, InvalidRequest, ProviderUnavailable
from pilothouse.prompts.content import Content
from pilothouse.prompts.files import read
from pilothouse.prompts.folder import Folder
from pilothouse.prompts.syncing import Step, Syncing
from pilothouse.prompts.versions import Version


@dataclass
class Remote:
    """A registry in memory."""

    kept: dict[str, list[Content]] = field(default_factory=dict)
    labels: dict[tuple[str, str], int] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def names(self) -> Sequence[str]:
        return sorted(self.kept)

    def labelled(self, name: str, label: str) -> Version | None:
        versions = self.kept.get(name, [])
        number = len(versions) if label == "latest" else self.labels.get((name, label), 0)
        return self.numbered(name, number)

    def numbered(self, name: str, number: int) -> Version | None:
        versions = self.kept.get(name, [])
        if not 0 < number <= len(versions):
            return None
        labels = tuple(label for (of, label), at in self.labels.items() if (of, at) == (name, number))
        content = versions[number - 1]
        return Version("default", name, number, content, content.hash, "", "ann", 0, None, labels)

    def create(
        self, name: str, content: Content, *, parent: int | None, message: str, labels: Sequence[str]
    ) -> Version:
        versions = self.kept.setdefault(name, [])
        if "refuse me" in content.texts[0]:
            raise InvalidRequest("no.")
        if not versions or versions[-1] != content:
            if parent not in (None, len(versions)):
                raise Conflict("moved on")
            versions.append(content)
            self.messages.append(message)
        for label in labels:
            self.labels[name, label] = len(versions)
        made = self.numbered(name, len(versions))
        assert made is not None
        return made


def text(template: str) -> Content:
    return Content(template=template)


@pytest.fixture
def remote() -> Remote:
    return Remote(
        {"hello": [text("Hi")], "support/answer": [text("a"), text("b\nc\n")]}, {("support/answer", "production"): 1}
    )


def told(steps: Sequence[Step]) -> list[tuple[str, str]]:
    return [(step.name, step.kind) for step in steps]


def pull(remote: Remote, path: Path, *names: str, **options: bool | str) -> list[Step]:
    return [*Syncing(Folder.open(path), remote).pull(names, **options)]  # type: ignore[arg-type]


def push(remote: Remote, path: Path, *names: str, **options: bool | str) -> list[Step]:
    return [*Syncing(Folder.open(path), remote).push(names, **options)]  # type: ignore[arg-type]


def edit(path: Path, old: str, new: str) -> None:
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))


def snapshot(path: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in path.rglob("*") if one.is_file()}


def test_pull_writes_and_a_second_one_changes_nothing(remote: Remote, tmp_path: Path) -> None:
    assert told(pull(remote, tmp_path)) == [("hello", "new"), ("support/answer", "new")]
    file = read((tmp_path / "support/answer.prompt.md").read_text(), tmp_path)
    assert (file.content, file.version, file.edited) == (text("b\nc\n"), 2, False)
    before = snapshot(tmp_path)
    assert told(pull(remote, tmp_path)) == [("hello", "unchanged"), ("support/answer", "unchanged")]
    assert told(push(remote, tmp_path)) == [("hello", "unchanged"), ("support/answer", "unchanged")]
    assert told(pull(remote, tmp_path, "support/answer", label="production")) == [("support/answer", "updated")]
    assert told(pull(remote, tmp_path, label="production")) == [("hello", "absent"), ("support/answer", "unchanged")]
    assert told(push(remote, tmp_path))[1] == ("support/answer", "behind")
    pull(remote, tmp_path)
    assert snapshot(tmp_path) == before
    assert [len(versions) for versions in remote.kept.values()] == [1, 2]


def test_what_was_edited_is_pushed_and_the_rest_of_the_file_stays(remote: Remote, tmp_path: Path) -> None:
    pull(remote, tmp_path)
    edit(tmp_path / "hello.prompt.md", "type: text", "type: text # greeting")
    edit(tmp_path / "hello.prompt.md", "Hi\n", "Hello\n")
    (step, _) = push(remote, tmp_path, dry_run=True)
    assert (step.kind, "+Hello" in step.shown, len(remote.kept["hello"])) == ("edited", True, 1)
    (step, other) = push(remote, tmp_path, label="staging", message="politer")
    assert (step.version, step.told, remote.messages) == (2, "is now version 2, staging.", ["politer"])
    assert other.told == "is version 2, staging."
    after = (tmp_path / "hello.prompt.md").read_text()
    assert ("# greeting" in after, read(after, tmp_path).version) == (True, 2)
    assert told(push(remote, tmp_path, label="staging")) == [("hello", "unchanged"), ("support/answer", "unchanged")]


def test_where_both_sides_changed_both_are_shown_and_nothing_is_overwritten(remote: Remote, tmp_path: Path) -> None:
    pull(remote, tmp_path)
    file = tmp_path / "support/answer.prompt.md"
    edit(file, "c\n", "mine\n")
    remote.kept["support/answer"].append(text("b\ntheirs\n"))
    before = snapshot(tmp_path)
    for step, *_ in (push(remote, tmp_path, "support/answer"), pull(remote, tmp_path, "support/answer")):
        assert (step.kind, step.failed) == ("conflict", True)
        assert "edited since version 2, and the registry has version 3" in step.told
        assert all(line in step.shown for line in ("-c\n+theirs", "-c\n+mine", "--- support/answer version 2"))
    assert snapshot(tmp_path) == before
    assert len(remote.kept["support/answer"]) == 3
    (step,) = push(remote, tmp_path, "support/answer", force=True)
    assert (step.version, remote.kept["support/answer"][3]) == (4, text("b\nmine\n"))
    edit(file, "mine\n", "again\n")
    remote.kept["support/answer"].append(text("newer"))
    (step,) = pull(remote, tmp_path, "support/answer", force=True)
    assert (step.kind, read(file.read_text(), file).content) == ("updated", text("newer"))


def test_what_git_has_merged_is_no_conflict(remote: Remote, tmp_path: Path) -> None:
    pull(remote, tmp_path)
    file = tmp_path / "hello.prompt.md"
    remote.kept["hello"].append(text("Hello"))
    edit(file, "Hi\n", "Hello, you\n")
    past = {file: ["0123", text("Hello").hash]}
    (step,) = Syncing(Folder.open(tmp_path), remote, ancestors=lambda path: past.get(path, ())).push(["hello"])
    assert (step.kind, step.version) == ("updated", 3)


def test_new_renamed_deleted_and_broken_files_are_told(remote: Remote, tmp_path: Path) -> None:
    pull(remote, tmp_path)
    edit(tmp_path / "hello.prompt.md", "name: hello", "name: greeting")
    (tmp_path / "support/answer.prompt.md").unlink()
    (tmp_path / "bad.prompt.md").write_text("---\nname: bad\nmodle: x\n---\nHi\n")
    (tmp_path / "refused.prompt.md").write_text("---\nname: refused\n---\nrefuse me\n")
    chat = "---\nname: chat\n---\n=== user ===\nHi\n\n=== user ===\nHi\n{% if %}\n"
    (tmp_path / "chat.prompt.md").write_text(chat)
    (tmp_path / "made.prompt.md").write_text("---\n---\nNew\n")
    steps = {step.name or "bad": step for step in push(remote, tmp_path)}
    kinds = {name: step.kind for name, step in steps.items()}
    assert kinds == {
        "bad": "broken", "greeting": "updated", "made": "updated", "refused": "refused", "chat": "broken",
        "hello": "absent", "support/answer": "absent",
    }  # fmt: skip
    assert "chat.prompt.md:9: " in steps["chat"].told
    assert "bad.prompt.md:3: modle" in steps["bad"].told
    assert "stays" in steps["hello"].told
    assert sorted(remote.kept) == ["greeting", "hello", "made", "refused", "support/answer"]
    assert told(pull(remote, tmp_path, "nowhere")) == [("", "broken"), ("nowhere", "refused")]
    assert told(push(remote, tmp_path, "nowhere"))[1] == ("nowhere", "refused")


def test_a_renamed_file_is_known_by_its_hash(remote: Remote, tmp_path: Path) -> None:
    pull(remote, tmp_path)
    edit(tmp_path / "hello.prompt.md", "name: hello", "name: greeting")
    last = [*Syncing(Folder.open(tmp_path), remote).diff()][-1]
    assert (last.name, last.kind) == ("hello", "absent")
    assert "'greeting' came from it" in last.told


def test_a_file_that_says_no_version_conflicts_with_another_text(remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "hello.prompt.md").write_text("---\nname: hello\n---\nHi\n")
    assert told(push(remote, tmp_path, "hello")) == [("hello", "unchanged")]
    (tmp_path / "hello.prompt.md").write_text("---\nname: hello\n---\nYo\n")
    (step,) = push(remote, tmp_path, "hello")
    assert (step.kind, "does not say from which version" in step.told) == ("conflict", True)
    (tmp_path / "again.prompt.md").write_text("---\nname: hello\n---\nYo\n")
    assert "is that prompt already" in Folder.open(tmp_path).faults[Path("hello.prompt.md")]


def test_names_that_differ_in_case_alone_have_two_files(tmp_path: Path) -> None:
    remote = Remote({"Hello": [text("A")], "hello": [text("b")]})
    pull(remote, tmp_path)
    assert len({str(path).casefold() for path in snapshot(tmp_path)}) == 2
    before = snapshot(tmp_path)
    pull(remote, tmp_path)
    assert snapshot(tmp_path) == before


def test_what_is_included_goes_first(tmp_path: Path) -> None:
    for name, body in (
        ("a", "{% include 'c' %}{% include 'b@1' %}"),
        ("b", "{% include 'c#x' %}{% include 'a' %}"),
        ("c", "C"),
    ):
        (tmp_path / f"{name}.prompt.md").write_text(f"---\n---\n{body}\n")
    assert [step.name for step in push(Remote(), tmp_path)] == ["c", "b", "a"]


def test_a_registry_that_is_away_is_told_once(remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pull(remote, tmp_path)

    def away(*_: object) -> None:
        raise ProviderUnavailable("away")

    monkeypatch.setattr(remote, "labelled", away)
    with pytest.raises(ProviderUnavailable):
        push(remote, tmp_path)
