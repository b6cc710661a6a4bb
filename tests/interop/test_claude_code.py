"""Claude Code itself, unmodified, with a model of every vendor behind the gateway: `make claude-code`.

Runs the program that PILOTHOUSE_CLAUDE_CODE names, and is skipped without one: it is a download of 240 MB.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import WIRES, Door

CLAUDE = os.environ.get("PILOTHOUSE_CLAUDE_CODE")
WORD = "heliotrope"
pytestmark = pytest.mark.skipif(not CLAUDE, reason="PILOTHOUSE_CLAUDE_CODE does not name a Claude Code")


def claude(door: Door, folder: Path, model: str, prompt: str) -> list[dict[str, Any]]:
    """The messages of one session in print mode, which has nothing of this account's: neither settings nor keys."""
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "CLAUDE_CONFIG_DIR": str(folder / "home"),
        "ANTHROPIC_BASE_URL": door.url, "ANTHROPIC_AUTH_TOKEN": door.key, "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    (folder / "work").mkdir()
    (folder / "work" / "note.txt").write_text(f"The word is {WORD}.\n")
    command = [str(CLAUDE), "--print", prompt, "--output-format", "stream-json", "--verbose"]
    done = subprocess.run(
        command, env=env, cwd=folder / "work", capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("model", [*WIRES, "anthropic-older"])
def test_a_tool_is_called(door: Door, model: str, tmp_path: Path) -> None:
    """The older one refuses system messages within a conversation, and is asked again without: by Claude Code, which
    knows Anthropic's words for it."""
    note = json.dumps({"file_path": str(tmp_path / "work" / "note.txt")})
    told = claude(door, tmp_path, model, f"Call the tool Read with {note}")
    result = told[-1]
    assert (result["type"], result["is_error"]) == ("result", False), result
    assert result["result"].startswith("The tool says:")
    assert WORD in result["result"]
    blocks = [block for one in told if one["type"] == "assistant" for block in one["message"]["content"]]
    assert [(block["type"], block.get("name")) for block in blocks] == [("tool_use", "Read"), ("text", None)]
    assert result["usage"]["output_tokens"] == 14
