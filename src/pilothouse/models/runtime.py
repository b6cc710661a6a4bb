"""The one way to onnxruntime: imported where it is used, since it costs 150 ms, and never calling home.

Since 1.29 its Linux and macOS wheels send names and hashes of models, figures of the machine and a lasting device id to
their maker, unless this variable is set before the import (https://github.com/microsoft/onnxruntime/pull/27379).
"""

import os
from types import ModuleType

__all__ = ["load_onnxruntime"]


def load_onnxruntime() -> ModuleType:
    """The module, told before its first import that it sends nothing."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime  # noqa: PLC0415

    return onnxruntime  # type: ignore[no-any-return]
