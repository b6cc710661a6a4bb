"""Amazon Bedrock. The translation is in bedrock_wire.py, signing and framing in aws.py, this is its door.

Options: `region`, and for the credentials `profile` or `aws_access_key_id`, `aws_secret_access_key` and
`aws_session_token`; without them AWS's own chain is asked. `api_key` is a Bedrock API key and replaces all of these.
`control_url` is where the list of models is (https://bedrock.<region>.amazonaws.com), `agent_url` where documents are
reranked (https://bedrock-agent-runtime.<region>.amazonaws.com).
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from yarl import URL

from pilothouse.call import Call
from pilothouse.config import ProviderConfig
from pilothouse.errors import ProviderError, ProviderUnavailable, RateLimited, Unsupported
from pilothouse.providers.aws import EventFrames, Signer, region_of
from pilothouse.providers.bedrock_rerank import rerank_usage, scores_of, to_rerank
from pilothouse.providers.bedrock_wire import UNUSABLE, ConverseReader, to_converse
from pilothouse.providers.completion import Completion
from pilothouse.providers.parameters import filled, native_embed_fields, tools_of
from pilothouse.providers.reranking import ranked
from pilothouse.providers.translated import Frames, TranslatingProvider, Translation
from pilothouse.providers.usage import count
from pilothouse.single import RerankRequest
from pilothouse.snapshot import resolve_secrets
from pilothouse.types import ChatRequest, EmbedRequest, EmbedResponse, Json

__all__ = ["BedrockProvider"]

_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_STATUS = {
    "throttlingException": 429, "validationException": 400, "modelStreamErrorException": 424,
    "modelTimeoutException": 408, "serviceUnavailableException": 503,
}  # fmt: skip
_COHERE_BATCH = 96
_TITAN_AT_ONCE = 8


class BedrockProvider(TranslatingProvider):
    """Models on Amazon Bedrock: chat by Converse, embeddings by Titan and Cohere, Rerank. Needs the extra `bedrock`."""

    operations = frozenset({"chat", "embeddings", "rerank"})
    known_options = frozenset({"region", "profile", "control_url", "agent_url", *_KEYS})

    def __init__(self, name: str, config: ProviderConfig) -> None:
        options = {**config.options}
        for key in _KEYS:
            options[key] = resolve_secrets(options.get(key), f"providers.{name}.options.{key}")
        region = region_of(name, options)
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        base = config.base_url or f"https://bedrock-runtime.{region}.{domain}"
        super().__init__(name, config.model_copy(update={"base_url": base}))
        self._control = self._address(
            str(options.get("control_url") or f"https://bedrock.{region}.{domain}"), "options.control_url"
        )
        agent = str(options.get("agent_url") or f"https://bedrock-agent-runtime.{region}.{domain}")
        self._agent = self._address(agent, "options.agent_url")
        self._arn = f"arn:{'aws-cn' if region.startswith('cn-') else 'aws'}:bedrock:{region}::foundation-model/"
        self._signer = Signer(name, "bedrock", region, options)

    def translated(self, request: ChatRequest) -> Translation:
        body = to_converse(request)
        method = "converse-stream" if request.stream else "converse"
        one_call = not tools_of(request.body).parallel
        return Translation(
            self._url(request.model, method), body, ConverseReader(Completion(request.model, one_call=one_call))
        )

    def frames(self) -> Frames:
        return EventFrames()

    async def headers_for(self, method: str, url: str | URL, body: bytes) -> Mapping[str, str]:
        return self.headers if self.api_key else await self._signer.headers(method, url, body, self.headers)

    def failure_in(self, data: Json) -> ProviderError | None:
        """An exception in the stream is an event named after it; `messageStop` may tell of a spoilt answer."""
        for name, said in data.items():
            if name.endswith("Exception") or name == "error":
                return self.error_from(_STATUS.get(name, 500), msgspec.json.encode(said), {})
        reason = data.get("stopReason") or (data.get("messageStop") or {}).get("stopReason")
        if reason in UNUSABLE:
            return ProviderUnavailable(f"Provider '{self.name}' spoilt its answer: {reason}.", provider=self.name)
        return None

    def error_from(self, status: int, raw: bytes, headers: Mapping[str, str]) -> ProviderError:
        """424 is a failure of the model; an exhausted quota is a 400 told by the name of its exception alone."""
        error = super().error_from(status, raw, headers)
        if status == 424:
            return ProviderUnavailable(error.message, provider=self.name, upstream_status=status)
        if headers.get("x-amzn-errortype", "").startswith("ServiceQuotaExceededException"):
            return RateLimited(error.message, provider=self.name, upstream_status=status)
        return error

    def describe(self, raw: bytes) -> tuple[str, str]:
        """Bedrock says `message`, the services before it (signatures, access) also `Message`."""
        return super().describe(raw.replace(b'"Message":', b'"message":', 1))

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Titan takes a text per request, Cohere 96; fields that are not OpenAI's go to the model as they are."""
        if "titan-embed" in request.model:
            return await self._titan(request, call)
        if "cohere.embed" in request.model:
            return await self._cohere(request, call)
        raise Unsupported(
            f"Provider '{self.name}' embeds with Titan and Cohere models alone, not '{request.model}'.", param="model"
        )

    async def rerank(self, request: RerankRequest, call: Call) -> EmbedResponse:
        """Bedrock does not tell what it bills, so that is an estimate. Fields that are not known go to the model."""
        arn = request.model if request.model.startswith("arn:") else self._arn + request.model
        asked, rows = to_rerank(request, arn), list[tuple[int, float]]()
        while True:
            body, _ = await self.post_json(f"{self._agent}/rerank", asked, call)
            rows += self.reading(scores_of, body)
            token = body.get("nextToken")
            if not token or len(rows) >= request.top_n:
                break
            asked = {**asked, "nextToken": token}
        return self.reading(lambda: ranked(request, request.model, rows, rerank_usage(request)))

    async def models(self) -> list[str]:
        body = await self.get_json(f"{self._control}/foundation-models")
        return self.reading(lambda: [model["modelId"] for model in body["modelSummaries"]])

    async def _titan(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        async def one(text: str) -> tuple[list[float], int | None]:
            body, _ = await self._invoke(request, {"inputText": text}, "dimensions", call)
            return self.reading(lambda: (body["embedding"], count(body.get("inputTextTokenCount"))))

        async def batch(texts: list[str]) -> tuple[list[list[float]], int | None]:
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(one(text)) for text in texts]
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
            vectors, counts = zip(*(task.result() for task in tasks), strict=True)
            return list(vectors), None if None in counts else sum(counts)

        return await self.embed_in_batches(request, _TITAN_AT_ONCE, batch)

    async def _cohere(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        async def batch(texts: list[str]) -> tuple[list[list[float]], int | None]:
            asked = {"texts": texts, "input_type": "search_document", "embedding_types": ["float"]}
            body, headers = await self._invoke(request, asked, "output_dimension", call)
            count = headers.get("x-amzn-bedrock-input-token-count", "")
            return self.reading(lambda: body["embeddings"]["float"]), int(count) if count.isdigit() else None

        return await self.embed_in_batches(request, _COHERE_BATCH, batch)

    async def _invoke(
        self, request: EmbedRequest, asked: Json, dimensions: str, call: Call
    ) -> tuple[Json, Mapping[str, str]]:
        """InvokeModel with the model's own body; `dimensions` is its name for the length of a vector."""
        asked = asked | filled({dimensions: request.body.get("dimensions")}) | native_embed_fields(request.body)
        return await self.post_json(self._url(request.model, "invoke"), asked, call)

    def _url(self, model: str, method: str) -> URL:
        """Encoded once and for all: the signature covers every percent sign."""
        return URL(f"{self.base_url}/model/{quote(model, safe='')}/{method}", encoded=True)
