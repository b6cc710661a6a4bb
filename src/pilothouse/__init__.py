"""Pilothouse runs LLM applications in production: gateway, retrieval, observability and more behind one door."""

from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Client": "pilothouse.client",
    "AsyncClient": "pilothouse.client",
    "ModelRouter": "pilothouse.sdk",
    "RAG": "pilothouse.sdk",
    "parallel": "pilothouse.sdk",
}

__all__ = ["RAG", "AsyncClient", "Client", "ModelRouter", "__version__", "parallel"]


def __getattr__(name: str) -> Any:
    """Public names load on first use, so that importing the package stays cheap."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'pilothouse' has no attribute '{name}'")
    import importlib  # noqa: PLC0415

    return getattr(importlib.import_module(_PUBLIC[name]), name)
