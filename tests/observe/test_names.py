import msgspec

from pilothouse.observe.names import operation_of, provider_of, to_attributes

from .making import full_span, step


def test_a_model_call_in_opentelemetry_terms() -> None:
    span = full_span()
    attributes = to_attributes(span)
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.provider.name"] == "openai"
    assert attributes["gen_ai.request.model"] == "fast"
    assert attributes["gen_ai.response.model"] == "gpt-4o"
    assert attributes["gen_ai.usage.input_tokens"] == 1000
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 400
    assert attributes["gen_ai.usage.reasoning.output_tokens"] == 50
    assert attributes["gen_ai.response.time_to_first_chunk"] == 0.003
    assert attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert attributes["gen_ai.conversation.id"] == "session-1"
    assert attributes["pilothouse.cost.nano_usd"] == 4_500_000
    assert attributes["pilothouse.version.snapshot"] == "3-abc"
    assert "pilothouse.cost.known" not in attributes
    assert msgspec.json.encode(attributes)


def test_what_is_absent_has_no_attribute() -> None:
    assert to_attributes(step("a")) == {
        "gen_ai.operation.name": "invoke_workflow",
        "pilothouse.span.kind": "chain",
        "pilothouse.project.id": "default",
    }


def test_an_unknown_price_is_said() -> None:
    attributes = to_attributes(full_span(cost_nano=None, cost_known=False))
    assert attributes["pilothouse.cost.known"] is False
    assert "pilothouse.cost.nano_usd" not in attributes


def test_free_attributes_never_replace_fields() -> None:
    span = full_span(attributes={"gen_ai.request.model": "forged", "own": 1})
    assert to_attributes(span)["gen_ai.request.model"] == "fast"
    assert to_attributes(span)["own"] == 1


def test_well_known_names() -> None:
    assert provider_of(full_span(provider="bedrock")) == "aws.bedrock"
    assert provider_of(full_span(provider="pool")) == "pool"
    assert provider_of(step("a")) is None
    assert operation_of(step("a", kind="retriever")) == "retrieval"
    assert operation_of(step("a", kind="guard")) == "guard"
