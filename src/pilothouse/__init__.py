"""Pilothouse runs LLM applications in production: gateway, retrieval, observability and more behind one door."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pilothouse.agents.chain import Chain, Link
    from pilothouse.agents.loop import Agent
    from pilothouse.agents.people import by_people
    from pilothouse.agents.servers import mcp_server
    from pilothouse.agents.tools import Tool, tool
    from pilothouse.evaluation import evaluate, evaluate_async, evaluate_response, evaluate_response_sync
    from pilothouse.guard import Guard
    from pilothouse.prompt_registry import PromptRegistry
    from pilothouse.prompts.templates.template import PromptTemplate
    from pilothouse.secure_pipeline import SecureLLMPipeline
    from pilothouse.tracing import (
        ContextExecutor,
        configure,
        continue_trace,
        flush,
        instrument,
        observe,
        propagation_headers,
        score_current_span,
        score_current_trace,
        score_session,
        score_trace,
        span,
        trace_context,
        update_current_span,
        update_current_trace,
        with_context,
    )

__version__ = "0.1.0"

_PUBLIC = {
    "Agent": "pilothouse.agents.loop",
    "Chain": "pilothouse.agents.chain",
    "Link": "pilothouse.agents.chain",
    "Tool": "pilothouse.agents.tools",
    "by_people": "pilothouse.agents.people",
    "mcp_server": "pilothouse.agents.servers",
    "tool": "pilothouse.agents.tools",
    "Client": "pilothouse.client",
    "AsyncClient": "pilothouse.client",
    "Guard": "pilothouse.guard",
    "ModelRouter": "pilothouse.sdk",
    "PromptRegistry": "pilothouse.prompt_registry",
    "SecureLLMPipeline": "pilothouse.secure_pipeline",
    "PromptTemplate": "pilothouse.prompts.templates.template",
    "RAG": "pilothouse.sdk",
    "parallel": "pilothouse.sdk",
    "evaluate": "pilothouse.evaluation",
    "evaluate_async": "pilothouse.evaluation",
    "evaluate_response": "pilothouse.evaluation",
    "evaluate_response_sync": "pilothouse.evaluation",
    "ContextExecutor": "pilothouse.tracing",
    "configure": "pilothouse.tracing",
    "continue_trace": "pilothouse.tracing",
    "flush": "pilothouse.tracing",
    "instrument": "pilothouse.tracing",
    "observe": "pilothouse.tracing",
    "propagation_headers": "pilothouse.tracing",
    "score_current_span": "pilothouse.tracing",
    "score_current_trace": "pilothouse.tracing",
    "score_session": "pilothouse.tracing",
    "score_trace": "pilothouse.tracing",
    "span": "pilothouse.tracing",
    "trace_context": "pilothouse.tracing",
    "update_current_span": "pilothouse.tracing",
    "update_current_trace": "pilothouse.tracing",
    "with_context": "pilothouse.tracing",
}

__all__ = [
    "RAG", "Agent", "AsyncClient", "Chain", "Client", "ContextExecutor", "Guard", "Link", "ModelRouter",
    "PromptRegistry", "PromptTemplate", "SecureLLMPipeline", "Tool", "__version__", "by_people", "configure",
    "continue_trace", "evaluate", "evaluate_async", "evaluate_response", "evaluate_response_sync", "flush",
    "instrument", "mcp_server", "observe", "parallel", "propagation_headers", "score_current_span",
    "score_current_trace", "score_session", "score_trace", "span", "tool", "trace_context", "update_current_span",
    "update_current_trace", "with_context",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Public names load on first use, so that importing the package stays cheap."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'pilothouse' has no attribute '{name}'")
    import importlib  # noqa: PLC0415

    return getattr(importlib.import_module(_PUBLIC[name]), name)
