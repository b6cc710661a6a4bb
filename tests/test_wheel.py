"""The wheel works away from the checkout: built, installed in a clean environment, its demo run from another folder."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_what_the_code_needs_beside_code(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "pilothouse/docs/architecture.md" in names
    assert "pilothouse/py.typed" in names
    assert any(name.startswith("pilothouse/storage/migrations/") for name in names)
    assert any(name.startswith("pilothouse/console/templates/") for name in names)
    assert any(name.startswith("pilothouse/console/static/") for name in names)
    assert "pilothouse/storage/trained/bodies-1.zdict" in names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


def test_the_demo_runs_from_the_installed_wheel_in_another_folder(
    wheel: Path, tmp_path: Path, models_dir: Path
) -> None:
    """The environment borrows the dependencies of this one, so that the test needs no network; ours comes by wheel."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = Path(
        subprocess.check_output([python, "-c", "import site; print(site.getsitepackages()[0])"], text=True).strip()
    )
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--quiet", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    env |= {"PILOTHOUSE_MODELS": str(models_dir)}
    where = subprocess.check_output(
        [python, "-c", "import pilothouse; print(pilothouse.__file__)"], cwd=folder, text=True
    )
    assert where.startswith(str(tmp_path))
    program = tmp_path / "venv" / "bin" / "pilothouse"
    done = subprocess.run([program, "demo", "--exit"], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[1]" in done.stdout
    assert "no generative model" in done.stdout
    assert "/console" in done.stdout
