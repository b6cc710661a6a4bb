"""Importing the package and asking for help stay cheap: nothing heavy is loaded by either."""

import subprocess
import sys

HEAVY = ("numpy", "onnxruntime", "sqlalchemy", "aiohttp", "fastapi", "rich", "pydantic", "uvicorn", "tokenizers")


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(sys.modules), file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stderr.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_after("import pilothouse") & set(HEAVY)


def test_help_loads_nothing_heavy() -> None:
    code = """
sys.argv = ['pilothouse', '--help']
from pilothouse.__main__ import main
try:
    main()
except SystemExit:
    pass
"""
    loaded = loaded_after(code)
    assert "click" in loaded
    assert not loaded & set(HEAVY)


def test_public_names_resolve() -> None:
    import pilothouse

    for name in pilothouse.__all__:
        assert getattr(pilothouse, name) is not None
