"""OpenTelemetry's own SDK and exporter, and OpenInference's instrumentation of the `openai` client, unmodified."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from .conftest import Door

pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import StatusCode, format_trace_id

HELLO: Any = [{"role": "user", "content": "Hello?"}]


def kept(door: Door, span: Any) -> list[Any]:
    """The spans of its trace."""
    request = urllib.request.Request(f"{door.url}/api/traces/{format_trace_id(span.get_span_context().trace_id)}")
    request.add_header("authorization", f"Bearer {door.key}")
    with urllib.request.urlopen(request) as answer:
        return list(json.load(answer)["spans"])


def exporter(door: Door, key: str | None = None, **more: Any) -> OTLPSpanExporter:
    headers = {"authorization": f"Bearer {key or door.key}"}
    return OTLPSpanExporter(endpoint=f"{door.v1}/traces", headers=headers, **more)


@pytest.fixture(params=[Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def provider(door: Door, request: pytest.FixtureRequest) -> Iterator[TracerProvider]:
    made = TracerProvider(resource=Resource.create({"service.name": "shop", "deployment.environment.name": "prod"}))
    made.add_span_processor(BatchSpanProcessor(exporter(door, compression=request.param)))
    yield made
    made.shutdown()


def test_spans(door: Door, provider: TracerProvider) -> None:
    tracer = provider.get_tracer("shop.search")
    outer = tracer.start_as_current_span("root", attributes={"user.id": "ada", "numbers": [1, 2]})
    with outer as root, tracer.start_as_current_span("inner") as inner:
        inner.add_event("cached", {"hit": True})
        inner.record_exception(ValueError("no"))
        inner.set_status(StatusCode.ERROR, "it failed")
    assert provider.force_flush()
    spans = {span["name"]: span for span in kept(door, root)}
    assert spans["inner"]["parent_id"] == spans["root"]["id"]
    inner_attributes, root_attributes = spans["inner"]["attributes"], spans["root"]["attributes"]
    assert (spans["inner"]["status"], inner_attributes["error.type"]) == ("error", "ValueError")
    assert inner_attributes["pilothouse.error.message"] == "it failed"
    assert '"cached"' in inner_attributes["otel.events"]
    assert (root_attributes["user.id"], root_attributes["service.name"]) == ("ada", "shop")
    assert root_attributes["otel.scope.name"] == "shop.search"


def test_openinference(door: Door, provider: TracerProvider) -> None:
    instrumentation = pytest.importorskip("openinference.instrumentation.openai")
    instrumentor = instrumentation.OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        client = OpenAI(base_url=door.v1, api_key=door.key)
        with client, provider.get_tracer("test").start_as_current_span("root") as root:
            client.chat.completions.create(model="openai", messages=HELLO)
            options: Any = {"stream": True, "stream_options": {"include_usage": True}}
            assert list(client.chat.completions.create(model="openai", messages=HELLO, **options))
            client.embeddings.create(model="openai-embed", input="Hello?")
    finally:
        instrumentor.uninstrument()
    assert provider.force_flush()
    spans = [span for span in kept(door, root) if span["name"] != "root"]
    calls = [span for span in spans if span["kind"] == "llm"]
    assert len(calls) == 2
    for call in calls:
        assert call["attributes"]["gen_ai.usage.input_tokens"] == 11
        assert call["attributes"]["gen_ai.usage.output_tokens"] == 7
        assert call["input"]["messages"][0]["content"] == "Hello?"
        assert call["output"]["choices"][0]["message"]["content"] == "Hello there, this is the answer."
    assert sum("gen_ai.response.time_to_first_chunk" in call["attributes"] for call in calls) == 1
    (embedding,) = [span for span in spans if span["kind"] == "embedding"]
    assert embedding["attributes"]["gen_ai.request.model"]


def test_a_wrong_key_is_no_success(door: Door, provider: TracerProvider) -> None:
    with provider.get_tracer("test").start_as_current_span("refused") as span:
        pass
    assert exporter(door, "ph-wrong").export([span]) is SpanExportResult.FAILURE
