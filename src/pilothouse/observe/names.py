"""Every attribute name that a span carries, in one place: OpenTelemetry's GenAI conventions and our own.

The `gen_ai.*` names are those of semantic conventions v1.41.0, the last published version. Its successor
(open-telemetry/semantic-conventions-genai, unreleased) renames `cache_creation` to `cache_write`. Knows nothing of how
spans are stored or exported.
"""

from pilothouse.call import Kind, Scalar, Span

__all__ = ["OPERATIONS", "PROVIDERS", "RESPONSE_FINISH_REASONS", "operation_of", "provider_of", "to_attributes"]

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

METRIC_DURATION = "gen_ai.client.operation.duration"
METRIC_TOKENS = "gen_ai.client.token.usage"
METRIC_TIME_TO_FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"

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
