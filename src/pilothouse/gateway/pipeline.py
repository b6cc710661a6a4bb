"""THE path. Every model call of the house, from a client, an answerer or a judge, goes down this file.

    resolve the name -> candidate deployments -> provider, with fallback -> count what flows -> settle -> record

It knows nothing of HTTP (see endpoints.py) and nothing of any vendor (see providers/). Access is checked before it.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pilothouse.call import Call, Span
from pilothouse.errors import ProviderError, Unsupported
from pilothouse.gateway.bridge import bridged
from pilothouse.gateway.meter import Meter
from pilothouse.gateway.router import Deployment, Router
from pilothouse.observe import Metrics, Prices
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse

__all__ = ["Gateway"]


class Gateway:
    """Serves calls by the current Router. `capture` says whether inputs and outputs are kept on spans."""

    def __init__(self, router: Router, prices: Prices, metrics: Metrics, *, capture: bool = True) -> None:
        self.router = router
        self._prices = prices
        self._metrics = metrics
        self._capture = capture

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        """Answer a chat or text completion: an async generator of chunks, one for a JSON answer.

        Once it is exhausted, or closed early, the span is recorded and survives a killed process. Raises
        UnknownModel, Unsupported or the last ProviderError; the provider never changes after the first chunk.
        """
        span = self._start(request.operation, request.model, call)
        meter = Meter(span, request)
        deployment: Deployment | None = None
        try:
            plan = self.router.plan(request, call)
            candidates = list(dict.fromkeys([*plan.candidates, *plan.reachable]))
            for attempt, deployment in enumerate(candidates, 1):
                self._assign(span, call, deployment, attempt)
                provide = bridged(deployment.provider, request)
                sent = request.edited(model=deployment.model)
                try:
                    async with aclosing(provide(sent, call.child(span))) as chunks:
                        async for chunk in chunks:
                            meter.feed(chunk)
                            yield chunk
                    break
                except ProviderError as error:
                    if meter.started or not error.retryable or attempt == len(candidates):
                        raise
                    span.attributes[f"attempt_{attempt}"] = f"{deployment.id}: {error.code}"
        except BaseException as error:
            span.fail(call.reason(error))
            raise
        finally:
            if self._capture:
                span.input = request.body
            meter.settle(self._capture)
            self._settle(span, call, deployment)

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Answer an embeddings request by the same steps."""
        span = self._start("embeddings", request.model, call)
        deployment: Deployment | None = None
        try:
            plan = self.router.plan(request, call)
            candidates = list(dict.fromkeys([*plan.candidates, *plan.reachable]))
            for attempt, deployment in enumerate(candidates, 1):
                self._assign(span, call, deployment, attempt)
                if "embeddings" not in deployment.provider.operations:
                    raise Unsupported(f"'{deployment.id}' has no embeddings.", param="model")
                try:
                    answer = await deployment.provider.embed(request.edited(model=deployment.model), call.child(span))
                except ProviderError as error:
                    if not error.retryable or attempt == len(candidates):
                        raise
                    span.attributes[f"attempt_{attempt}"] = f"{deployment.id}: {error.code}"
                else:
                    span.usage = answer.usage
                    return answer
            raise AssertionError("a model has at least one deployment")
        except BaseException as error:
            span.fail(call.reason(error))
            raise
        finally:
            if self._capture:
                span.input = request.body
            self._settle(span, call, deployment)

    def _start(self, operation: str, model: str, call: Call) -> Span:
        span = call.start(f"{operation} {model}", "embedding" if operation == "embeddings" else "llm")
        span.operation, span.request_model = operation, model
        call.versions["snapshot"] = self.router.version
        return span

    def _assign(self, span: Span, call: Call, deployment: Deployment, attempt: int) -> None:
        """Name the deployment that is about to be tried."""
        span.provider, span.deployment, span.response_model = deployment.kind, deployment.id, deployment.model
        if not deployment.leaf:
            span.kind = "chain"
        else:
            call.versions["embedder" if span.kind == "embedding" else "deployment"] = deployment.id
        if attempt > 1:
            span.attributes["attempts"] = attempt

    def _settle(self, span: Span, call: Call, deployment: Deployment | None) -> None:
        """Price what was used, then record. Only leaf calls bill: a chain's models have spans of their own."""
        if span.kind == "chain":
            span.usage = None
        elif span.usage is not None and deployment is not None:
            kind, usage, at = deployment.price_kind, span.usage, span.start_us
            span.cost_nano = self._prices.cost(kind, deployment.model, usage, at)
            if span.cost_nano is None and span.response_model:  # Azure's deployments have names of their own
                span.cost_nano = self._prices.cost(kind, span.response_model, usage, at)
            span.cost_known = span.cost_nano is not None
        call.finish(span)
        self._metrics.observe(span)
