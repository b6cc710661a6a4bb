"""`pilothouse config` over a real home."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.access.audit import Audit
from pilothouse.cli.config import config
from pilothouse.cli.context import Context
from pilothouse.config import Config, RagConfig
from pilothouse.errors import ConfigError, Conflict, NotFound
from pilothouse.settings import Settings
from pilothouse.storage import SnapshotStore, open_store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", config=tmp_path / "pilothouse.yaml")


def run(settings: Settings, *arguments: str) -> Result:
    context = Context(settings, lambda _: pytest.fail("the platform is not needed"))  # type: ignore[arg-type]
    result = CliRunner(env={"COLUMNS": "140"}).invoke(config, arguments, obj=context, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def write(settings: Settings, top_k: int) -> None:
    settings.config.write_text(f"rag: {{top_k: {top_k}}}\n")


def by_api(settings: Settings, top_k: int) -> None:
    store = open_store(settings)
    SnapshotStore(store.control).put(Config(rag=RagConfig(top_k=top_k)), author="ana", source="api")
    store.close()


def show(settings: Settings) -> Any:
    return json.loads(run(settings, "show", "--json").stdout)


def test_there_is_none_at_first(settings: Settings) -> None:
    assert "no Snapshot yet" in run(settings, "history").stdout
    with pytest.raises(NotFound, match="config push"):
        run(settings, "show")


def test_push_show_diff_history_rollback(settings: Settings) -> None:
    for top_k in (1, 2):
        write(settings, top_k)
        assert f"Snapshot {top_k} is current" in run(settings, "push").stdout
    assert run(settings, "show").stdout.splitlines()[1:] == ["rag:", "  top_k: 2"]
    assert show(settings)["config"] == {"rag": {"top_k": 2}}
    assert run(settings, "show", "1").stdout.splitlines()[1:] == ["rag:", "  top_k: 1"]
    assert run(settings, "diff").stdout == "rag.top_k: 1 -> 2\n"
    assert json.loads(run(settings, "diff", "0", "1", "--json").stdout) == [{"key": "rag.top_k", "old": None, "new": 1}]
    assert run(settings, "diff", "2", "2").stdout == "Nothing differs.\n"
    assert "Snapshot 3 holds what Snapshot 1 held" in run(settings, "rollback", "1").stdout
    rows = json.loads(run(settings, "history", "--json").stdout)
    assert [(row["number"], row["source"]) for row in rows] == [(3, "cli"), (2, "file"), (1, "file")]
    store = open_store(settings)
    assert [entry.subject for entry in Audit(store.control).list()] == ["snapshot:3", "snapshot:2", "snapshot:1"]
    store.close()


def test_a_file_does_not_undo_what_others_changed_unless_forced(settings: Settings) -> None:
    write(settings, 1)
    run(settings, "push")
    by_api(settings, 5)
    write(settings, 8)
    with pytest.raises(Conflict, match=r"since Snapshot 1:\n  2 by ana \(api, .*rag\.top_k\n.*config diff 1"):
        run(settings, "push")
    assert show(settings)["number"] == 2
    run(settings, "push", "--force")
    assert show(settings)["config"] == {"rag": {"top_k": 8}}
    write(settings, 7)
    run(settings, "push")
    assert show(settings)["number"] == 4, "from then on the file is followed again"


def test_validate_tells_lines_and_changes(settings: Settings) -> None:
    write(settings, 1)
    assert run(settings, "validate").stdout == f"{settings.config} is valid.\nrag.top_k: (not set) -> 1\n"
    run(settings, "push")
    assert "It changes nothing." in run(settings, "validate").stdout
    other = settings.config.with_name("other.yaml")
    other.write_text("rag:\n  topk: 1\n")
    told = run(settings, "validate", str(other))
    assert told.return_value == 1
    assert "other.yaml:2: rag.topk: unknown key" in told.stderr
    told = json.loads(run(settings, "validate", str(other), "--json").stdout)
    assert (told["valid"], len(told["problems"])) == (False, 1)
    with pytest.raises(ConfigError, match="no such file"):
        run(settings, "push", "missing.yaml")
