"""What onnxruntime leaves behind tells whether it counts its users: with telemetry it keeps a device id in the home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOAD = "from pilothouse.models.runtime import load_onnxruntime; print(load_onnxruntime().__version__)"
_SUPPRESSING = ("CI", "TF_BUILD", "BUILD_", "GITHUB_", "JENKINS_", "ORT_", "XDG_")  # would hide what is tested


@pytest.mark.skipif(sys.platform != "linux", reason="the place of the device id is another elsewhere")
def test_onnxruntime_does_not_call_home(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(_SUPPRESSING)}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], env={**env, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout[0].isdigit()
    assert not done.stderr
    assert not list(tmp_path.iterdir())
