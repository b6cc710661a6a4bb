"""The import order of the rooms holds (contracts in pyproject.toml)."""

import subprocess
import sys
from pathlib import Path


def test_imports_only_point_downward() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
