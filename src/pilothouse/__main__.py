"""The command line's entry: hands the composition root to the faces, which may not import upward."""

from typing import TYPE_CHECKING

from pilothouse.cli.main import run
from pilothouse.settings import Settings

if TYPE_CHECKING:
    from pilothouse.app import Platform


def _build(settings: Settings, *, serving: bool = True) -> "Platform":
    from pilothouse.app import build  # noqa: PLC0415 - keeps `--help` fast

    return build(settings, serving=serving)


def main() -> None:
    run(_build)


if __name__ == "__main__":
    main()
