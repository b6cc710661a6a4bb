"""A design from a YAML file, with the line of what is wrong in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilothouse.errors import ConfigError

if TYPE_CHECKING:
    from pilothouse.prompts.experiments.shape import Design

__all__ = ["read_design"]

_MOST_BYTES = 1_000_000


def read_design(path: Path) -> "Design":
    """Raises ConfigError with a line `file:line: key: what is wrong` for each problem."""
    from pydantic import ValidationError  # noqa: PLC0415 - not for --help

    from pilothouse.prompts.experiments.shape import Design  # noqa: PLC0415
    from pilothouse.yamlfile import YamlFile  # noqa: PLC0415

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: has more than {_MOST_BYTES} bytes; a design needs a hundredth of that.")
        file = YamlFile(path, path.read_text(encoding="utf-8"), references=False)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text.") from None
    if not isinstance(file.data, dict):
        raise ConfigError(f"{path}:1: is no design: it needs at least name, target, arms and primary.")
    try:
        return Design.model_validate(file.data)
    except ValidationError as error:
        raise ConfigError("\n".join(_told(path, file, one) for one in error.errors())) from None


def _told(path: Path, file: Any, error: Any) -> str:
    place = error["loc"]
    if place[:1] == ("target",):  # whose second step is the kind of target
        place = (*place[:1], *place[2:])
    dotted = ".".join(map(str, place))
    what = {"extra_forbidden": "unknown key", "missing": "is missing"}.get(error["type"], error["msg"])
    return f"{path}:{file.line(place)}: {f'{dotted}: ' if dotted else ''}{what}."
