"""Every attribute name that a span carries, in one place: OpenTelemetry's GenAI conventions, our own, and others'.

The `gen_ai.*` names are those of semantic conventions v1.41.0, the last published version. Its successor
(open-telemetry/semantic-conventions-genai, unreleased) renames `cache_creation` to `cache_write`. Others are GenAI
before v1.37, OpenLLMetry (`traceloop.*`), OpenInference and Langfuse. Knows nothing of how spans are stored or
exported.
"""

from pilothouse.call import Kind, Scalar, Span

__all__ = [
    "FLATTENED", "KINDS", "MEANINGS", "OPERATIONS", "OPERATION_KINDS", "OUR_PROVIDERS", "PROVIDERS",
    "RESPONSE_FINISH_REASONS", "operation_of", "provider_of", "to_attributes",
]  # fmt: skip

OPERATION_NAME = "gen_ai.operation.name"
PROVIDER_NAME = "gen_ai.provider.name"
CONVERSATION_ID = "gen_ai.conversation.id"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
USAGE_REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"
ERROR_TYPE = "error.type"
USER_ID = "user.id"

KIND = "pilothouse.span.kind"
PROJECT_ID = "pilothouse.project.id"
REQUEST_ID = "pilothouse.request.id"
KEY_ID = "pilothouse.key.id"
ENDPOINT = "pilothouse.endpoint"
DEPLOYMENT = "pilothouse.deployment"
MANIFEST_ID = "pilothouse.manifest.id"
ERROR_MESSAGE = "pilothouse.error.message"
USAGE_ESTIMATED = "pilothouse.usage.estimated"
COST_NANO_USD = "pilothouse.cost.nano_usd"
COST_KNOWN = "pilothouse.cost.known"
VERSION = "pilothouse.version."
END_BEFORE_START = "pilothouse.end_before_start"

METRIC_DURATION = "gen_ai.client.operation.duration"
METRIC_TOKENS = "gen_ai.client.token.usage"
METRIC_TIME_TO_FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"
METRIC_SERVER_DURATION = "gen_ai.server.request.duration"
METRIC_SERVER_FIRST_TOKEN = "gen_ai.server.time_to_first_token"
METRIC_SERVER_PER_TOKEN = "gen_ai.server.time_per_output_token"

OPERATIONS: dict[Kind, str] = {
    "llm": "chat",
    "embedding": "embeddings",
    "retriever": "retrieval",
    "chain": "invoke_workflow",
    "tool": "execute_tool",
    "agent": "invoke_agent",
}
"""The well-known operation of a span's kind, where the span does not name one itself."""

PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""Our provider names whose well-known OpenTelemetry name is another one; all others go out as they are."""


# ---- what others send

CONTENT_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
"""Events that are one message, and whose."""
CHOICE_EVENT = "gen_ai.choice"
DETAILS_EVENT = "gen_ai.client.inference.operation.details"
PROMPT_EVENT, PROMPT = "gen_ai.content.prompt", "gen_ai.prompt"
COMPLETION_EVENT, COMPLETION = "gen_ai.content.completion", "gen_ai.completion"
EVENT_NAME = "event.name"
EVALUATION_EVENT, EVALUATION_WHY = "gen_ai.evaluation.result", "gen_ai.evaluation.explanation"
EVALUATION = ("gen_ai.evaluation.name", "gen_ai.evaluation.score.value", "gen_ai.evaluation.score.label")
FIRST_TOKEN_EVENT = "First Token Stream Event"
EXCEPTION, EXCEPTION_TYPE, EXCEPTION_MESSAGE = "exception", "exception.type", "exception.message"
INPUT_MESSAGES = "gen_ai.input.messages"

SERVICE_VERSION = "service.version"
ENVIRONMENTS = ("deployment.environment.name", "deployment.environment")
RESOURCE_KEPT = ("service.", "deployment.", "k8s.", "host.name", "telemetry.sdk.language")
SCOPE, EVENTS, ATTRIBUTES_DROPPED = "otel.scope.name", "otel.events", "otel.attributes_dropped"

LANGFUSE_METADATA = ("langfuse.observation.metadata", "langfuse.trace.metadata")
LANGFUSE_LEVEL, LANGFUSE_STATUS = "langfuse.observation.level", "langfuse.observation.status_message"
LANGFUSE_TYPE, LANGFUSE_VERSION = "langfuse.observation.type", "langfuse.version"
LANGFUSE_TRACE_NAME = "langfuse.trace.name"
LANGFUSE_PARAMETERS = "langfuse.observation.model.parameters"
LANGFUSE_ROOTS = ("langfuse.internal.as_root", "langfuse.internal.is_app_root")

_SAID_AS: dict[str, tuple[str, ...]] = {
    "kind": (KIND, LANGFUSE_TYPE, "openinference.span.kind", "traceloop.span.kind"),
    "operation": (OPERATION_NAME, "llm.request.type"),
    "provider": (PROVIDER_NAME, "gen_ai.system", "llm.provider", "llm.system"),
    "request_model": (
        "langfuse.observation.model.name", REQUEST_MODEL, "llm.model_name", "embedding.model_name",
        "reranker.model_name",
    ),
    "response_model": (RESPONSE_MODEL, "llm.response.model_name"),
    "usage": ("langfuse.observation.usage_details",),
    "input_tokens": (
        USAGE_INPUT_TOKENS, "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens", "llm.token_count.prompt",
    ),
    "output_tokens": (
        USAGE_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "total_tokens": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total"),
    "cached_tokens": (
        USAGE_CACHE_READ_TOKENS, "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cached_tokens",
        "gen_ai.usage.input_tokens.cached", "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.prompt_tokens_details.cached_tokens", "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
    ),
    "cache_write_tokens": (
        USAGE_CACHE_WRITE_TOKENS, "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens", "gen_ai.usage.input_tokens.cache_write",
        "llm.token_count.prompt_details.cache_write",
    ),
    "reasoning_tokens": (
        USAGE_REASONING_TOKENS, "gen_ai.usage.reasoning_tokens", "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.details.reasoning_tokens", "llm.token_count.completion_details.reasoning",
    ),
    "cost": ("gen_ai.usage.cost", "gen_ai.usage.total_cost", "operation.cost", "llm.cost.total"),
    "cost_parts": ("langfuse.observation.cost_details",),
    "input_cost": ("llm.cost.prompt",),
    "output_cost": ("llm.cost.completion",),
    "first_seconds": (
        RESPONSE_TIME_TO_FIRST_CHUNK, "gen_ai.server.time_to_first_token", "gen_ai.response.time_to_first_token",
    ),
    "first_at": ("langfuse.observation.completion_start_time",),
    "user_id": ("langfuse.user.id", USER_ID, "traceloop.association.properties.user_id"),
    "session_id": (
        "langfuse.session.id", "session.id", CONVERSATION_ID, "traceloop.association.properties.session_id",
    ),
    "feature": (
        "pilothouse.feature", "feature", "langfuse.trace.metadata.feature", "langfuse.observation.metadata.feature",
    ),
    "environment": ("langfuse.environment", *ENVIRONMENTS),
    "release": ("langfuse.release",),
    "tags": ("langfuse.trace.tags", "tag.tags"),
    "prompt": ("langfuse.observation.prompt.name", "gen_ai.prompt.name", "traceloop.prompt.key", "prompt.id"),
    "prompt_version": ("langfuse.observation.prompt.version", "gen_ai.prompt.version", "traceloop.prompt.version"),
    "error": (ERROR_TYPE,),
    "level": (LANGFUSE_LEVEL,),
    "status": (LANGFUSE_STATUS,),
    "given_input": ("langfuse.observation.input",),
    "given_output": ("langfuse.observation.output",),
    "input_messages": (INPUT_MESSAGES,),
    "output_messages": ("gen_ai.output.messages",),
    "system": ("gen_ai.system_instructions",),
    "input": ("gen_ai.tool.call.arguments", PROMPT, "input.value", "traceloop.entity.input", "langfuse.trace.input"),
    "output": (
        "gen_ai.tool.call.result", COMPLETION, "output.value", "traceloop.entity.output", "langfuse.trace.output",
    ),
    "input_mime": ("input.mime_type",),
    "output_mime": ("output.mime_type",),
}  # fmt: skip
"""What an attribute may tell, and its names; of several that are there, the first here counts."""

MEANINGS = {name: (told, rank) for told, names in _SAID_AS.items() for rank, name in enumerate(names)}
"""What an attribute tells, and the rank of this name among those for it."""

FLATTENED = {
    "llm.input_messages": "input_messages",
    "gen_ai.prompt": "input_messages",
    "llm.output_messages": "output_messages",
    "gen_ai.completion": "output_messages",
    "retrieval.documents": "documents",
    "reranker.output_documents": "documents",
    "embedding.embeddings": "embeddings",
}
"""What a list of objects tells that comes as one attribute per field, such as `llm.input_messages.0.message.role`."""

OPERATION_KINDS: dict[str, Kind] = {
    "chat": "llm",
    "completion": "llm",
    "text_completion": "llm",
    "generate_content": "llm",
    "embedding": "embedding",
    "embeddings": "embedding",
    "retrieval": "retriever",
    "rerank": "reranker",
    "execute_tool": "tool",
    "invoke_agent": "agent",
    "create_agent": "agent",
    "invoke_workflow": "chain",
}
"""The kind of a span by its operation, in GenAI's words or OpenLLMetry's."""

KINDS: dict[str, Kind] = {
    "llm": "llm",
    "generation": "llm",
    "embedding": "embedding",
    "retriever": "retriever",
    "reranker": "reranker",
    "tool": "tool",
    "agent": "agent",
    "guardrail": "guard",
    "guard": "guard",
    "evaluator": "evaluator",
    "chain": "chain",
    "span": "chain",
    "event": "chain",
    "workflow": "chain",
    "task": "chain",
}
"""The kind of a span by what OpenInference, OpenLLMetry and Langfuse call it, in lower case."""

OUR_PROVIDERS = {
    **{theirs: ours for ours, theirs in PROVIDERS.items()},
    "azure.ai.inference": "azure",
    "az.ai.openai": "azure",
    "az.ai.inference": "azure",
    "azure_openai": "azure",
    "aws_bedrock": "bedrock",
    "aws": "bedrock",
    "gcp.gen_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "vertexai": "vertex",
    "vertex_ai": "vertex",
    "mistralai": "mistral",
}
"""Our name of a provider by what others call it, in lower case; all others are taken as they are."""


def operation_of(span: Span) -> str:
    """The `gen_ai.operation.name` of a span."""
    return span.operation or OPERATIONS.get(span.kind) or span.kind


def provider_of(span: Span) -> str | None:
    """The `gen_ai.provider.name` of a span; None where no provider took part."""
    return PROVIDERS.get(span.provider, span.provider) if span.provider else None


def to_attributes(span: Span) -> dict[str, Scalar]:
    """A span in OpenTelemetry's terms. Times in seconds, as the conventions ask; money in nano-USD.

    The span's own attributes come first and never replace what its fields say.
    """
    usage = span.usage
    named: dict[str, Scalar] = {
        OPERATION_NAME: operation_of(span),
        PROVIDER_NAME: provider_of(span),
        REQUEST_MODEL: span.request_model,
        RESPONSE_MODEL: span.response_model,
        RESPONSE_TIME_TO_FIRST_CHUNK: None if span.ttft_us is None else span.ttft_us / 1e6,
        CONVERSATION_ID: span.session_id,
        USER_ID: span.user_id,
        ERROR_TYPE: span.error_code,
        ERROR_MESSAGE: span.error_message,
        KIND: span.kind,
        PROJECT_ID: span.project_id,
        REQUEST_ID: span.request_id,
        KEY_ID: span.key_id,
        ENDPOINT: span.endpoint,
        DEPLOYMENT: span.deployment,
        MANIFEST_ID: span.manifest_id,
        COST_NANO_USD: span.cost_nano,
        COST_KNOWN: None if span.cost_known else False,
    }
    if usage is not None:
        named |= {
            USAGE_INPUT_TOKENS: usage.input_tokens,
            USAGE_OUTPUT_TOKENS: usage.output_tokens,
            USAGE_CACHE_READ_TOKENS: usage.cached_tokens or None,
            USAGE_CACHE_WRITE_TOKENS: usage.cache_write_tokens or None,
            USAGE_REASONING_TOKENS: usage.reasoning_tokens or None,
            USAGE_ESTIMATED: usage.estimated or None,
        }
    named |= {f"{VERSION}{name}": version for name, version in span.versions.items()}
    return {**span.attributes, **{name: value for name, value in named.items() if value is not None}}
