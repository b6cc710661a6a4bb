"""The shape of the configuration, as the YAML file writes it: every key, its type, its unit and its default.

Times are seconds, money is USD, sizes are bytes or tokens as the name says. Frozen. Knows nothing of files or storage:
see snapshot.py.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pilothouse.guarding import GuardsConfig
from pilothouse.monitoring import AlertsConfig, ExportConfig, TopicsConfig
from pilothouse.privacy import PrivacyConfig, RetentionConfig
from pilothouse.prompting import PromptsConfig
from pilothouse.scoring import EvalsConfig
from pilothouse.tooling import McpConfig

__all__ = [
    "BatchConfig", "BatchLane", "Budget", "CacheConfig", "Condition", "Config", "DeploymentConfig", "ExactCache",
    "Fallbacks", "Hedge", "Limits", "Lockout", "ModelConfig", "OutputPolicy", "Period", "Price", "ProviderConfig",
    "RagConfig", "Resilience", "Rule", "SemanticCache", "Shadow", "Shaping", "Strategy",
]  # fmt: skip

Period = Literal["day", "week", "month", "total"]
BatchLane = Literal["own", "vendor", "auto"]
Strategy = Literal["weighted", "least-busy", "latency", "cheapest", "usage", "sticky", "complexity"]

_Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Share = Annotated[float, Field(ge=0, le=1)]
_Seconds = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Limits(_Strict):
    """What may pass per minute (sliding) and at once. None leaves it unlimited."""

    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)
    parallel: int | None = Field(None, ge=1)


class Budget(_Strict):
    """What may be spent per calendar period (UTC; weeks begin on Monday). `alert_at` is the soft limit, a share."""

    period: Period = "month"
    usd: Decimal | None = Field(None, ge=0, max_digits=18, decimal_places=9)
    tokens: int | None = Field(None, ge=0)
    alert_at: _Share = 0.8

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.usd is None and self.tokens is None:
            raise PydanticCustomError("budget", "a budget needs 'usd' or 'tokens'")
        return self


class ProviderConfig(_Strict):
    """How to reach a model API. `kind` is the plugin and defaults to the provider's name; times in seconds.

    `api_keys` are further keys to go on with when one is refused (401, 402, 403). `timeout` bounds a whole call,
    `first_token_timeout` the wait for its first content, `read_timeout` the silence between two pieces. `options` are
    the plugin's own, such as `region` for bedrock or `api_version` for Azure. `health_check` asks for the list of
    models every so many seconds and opens the breakers of the provider's deployments while that fails. `pass_through`
    opens its whole API at `/providers/<name>/`, where callers act as the provider's account does.
    """

    kind: str | None = None
    api_key: str | None = None
    api_keys: list[str] = []
    base_url: str | None = None
    headers: dict[str, str] = {}
    connect_timeout: _Seconds = 5.0
    first_token_timeout: _Seconds | None = None
    read_timeout: _Seconds = 300.0
    timeout: _Seconds | None = None
    health_check: _Seconds | None = None
    pass_through: bool = False
    options: dict[str, Any] = {}


class Condition(_Strict):
    """When a rule or a deployment applies: every field that is given must hold.

    `metadata` compares the call's metadata; `tokens_over` and `tokens_under` the estimated input; `language` is an ISO
    639-1 code guessed from the last user message.
    """

    metadata: dict[str, str] = {}
    keys: list[str] = []
    teams: list[str] = []
    tokens_over: int | None = None
    tokens_under: int | None = None
    tools: bool | None = None
    images: bool | None = None
    language: list[str] = []


class Rule(_Strict):
    """Sends calls that meet `when` to another alias."""

    when: Condition
    use: str


class DeploymentConfig(_Strict):
    """One model at one provider. `weight` is its share of traffic among the deployments of an alias.

    `limits` are the deployment's own room; beyond it others are tried. `context_tokens` is the longest input it takes;
    a call estimated to be longer goes elsewhere. `name` tells two deployments of one model apart. A time limit that is
    left out is the provider's.
    """

    provider: str
    model: str
    name: str | None = None
    weight: float = Field(1.0, ge=0)
    when: Condition | None = None
    limits: Limits = Limits()
    budgets: list[Budget] = []
    context_tokens: int | None = Field(None, ge=1)
    timeout: _Seconds | None = None
    connect_timeout: _Seconds | None = None
    first_token_timeout: _Seconds | None = None
    read_timeout: _Seconds | None = None

    @property
    def id(self) -> str:
        return self.name or f"{self.provider}/{self.model}"


class Fallbacks(_Strict):
    """Aliases to try, in order, by what failed. `any` serves the classes that have no list of their own.

    `answer` is the degraded answer's text once everything failed; `cached` first looks for a cached answer past its
    TTL.
    """

    any: list[str] = []
    context: list[str] = []
    content: list[str] = []
    rate_limit: list[str] = []
    server: list[str] = []
    timeout: list[str] = []
    auth: list[str] = []
    cached: bool = False
    answer: str | None = None


class Hedge(_Strict):
    """A second request to another deployment when the first token is late.

    After `after` seconds, or the 95th percentile of the deployment's TTFT where left out; `share` caps hedged calls.
    """

    after: _Seconds | None = None
    share: _Share = 0.05


class Resilience(_Strict):
    """Retries on one deployment, and its circuit breaker. Waits are seconds, doubled each time, with full jitter.

    The breaker opens after `failures` in a row, or when `error_share` of at least 10 calls in `window` seconds failed;
    it lets one call through after `cool_down` seconds.
    """

    retries: int = Field(1, ge=0, le=10)
    backoff: float = Field(0.25, ge=0)
    longest_wait: float = Field(8.0, ge=0)
    failures: int = Field(5, ge=1)
    error_share: _Share = 0.5
    window: _Seconds = 30.0
    cool_down: _Seconds = 15.0


class ExactCache(_Strict):
    """Answers to identical requests. `ttl` in seconds. `scope` says who shares: a project, a team, a key, a user."""

    ttl: _Seconds = 3600.0
    scope: Literal["project", "team", "key", "user"] = "project"


class SemanticCache(_Strict):
    """Answers to questions that mean the same. `threshold` is a cosine; `shadow` measures and never serves."""

    ttl: _Seconds = 3600.0
    scope: Literal["project", "team", "key", "user"] = "project"
    threshold: float = Field(0.80, ge=0, le=1)
    shadow: bool = False


class CacheConfig(_Strict):
    """Where cached answers live, and how much of them. `store: redis` needs PILOTHOUSE_REDIS_URL."""

    store: Literal["memory", "sqlite", "redis"] = "memory"
    max_bytes: int = Field(256 * 1024 * 1024, ge=1024)


class BatchConfig(_Strict):
    """How batches are worked off in this process: so many requests at once, and none is begun while more than
    `yield_above` live requests are being answered. `max_file_bytes` bounds an uploaded file."""

    parallel: int = Field(4, ge=1)
    yield_above: int = Field(32, ge=0)
    max_file_bytes: int = Field(200 * 1024 * 1024, ge=1024)


class OutputPolicy(_Strict):
    """`default` is sent as max_tokens where the caller set none, `cap` lowers what it set. `brief` asks for a short
    answer in the system message."""

    default: int | None = Field(None, ge=1)
    cap: int | None = Field(None, ge=1)
    brief: bool = False


class Shaping(_Strict):
    """What is done to a request before it is sent. `lossless` drops trailing spaces and repeated blank lines;
    `extractive` keeps that share of the longest texts, by relevance to the question; `context_tokens` drops the oldest
    turns beyond it; `prefix` marks and orders the stable part first for the provider's prompt cache."""

    lossless: bool = True
    extractive: _Share | None = None
    context_tokens: int | None = Field(None, ge=1)
    prefix: bool = False


class Shadow(_Strict):
    """Mirrors `share` of the calls, at most `per_minute`, to the alias `model`: recorded, never served. `system` is
    said to it in place of the caller's system messages: a candidate prompt."""

    model: str
    system: str | None = Field(None, min_length=1)
    share: _Share = 0.01
    per_minute: int = Field(60, ge=1)


class ModelConfig(_Strict):
    """An alias over deployments, and how its calls are routed, retried, cached, limited and shaped.

    `strategy: complexity` needs `simple` and `complex`, two other aliases, and no deployments of its own; `head` is a
    file that `pilothouse router train` made, `threshold` overrides the one that it was calibrated to. `fallbacks` is a
    list of aliases, or lists by class of failure. `batch` says where its batches run: here, at the vendor's own batch
    API, or there where a deployment offers one. `guards` are names of guard policies.
    """

    deployments: list[DeploymentConfig] = []
    strategy: Strategy = "weighted"
    simple: str | None = None
    complex: str | None = None
    threshold: _Share | None = None
    head: str | None = None
    rules: list[Rule] = []
    fallbacks: Fallbacks = Fallbacks()
    resilience: Resilience = Resilience()
    hedge: Hedge | None = None
    exact_cache: ExactCache | None = None
    semantic_cache: SemanticCache | None = None
    limits: Limits = Limits()
    budgets: list[Budget] = []
    output: OutputPolicy = OutputPolicy()
    shaping: Shaping = Shaping()
    shadow: Shadow | None = None
    batch: BatchLane = "auto"
    guards: list[str] = []

    @model_validator(mode="before")
    @classmethod
    def _plain_list(cls, given: Any) -> Any:
        """`fallbacks: [a, b]` says `fallbacks: {any: [a, b]}`."""
        if isinstance(given, dict) and isinstance(given.get("fallbacks"), list):
            return {**given, "fallbacks": {"any": given["fallbacks"]}}
        return given

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.strategy == "complexity":
            if self.deployments or self.simple is None or self.complex is None:
                raise PydanticCustomError("complexity", "strategy complexity needs 'simple' and 'complex' alone")
        elif not self.deployments:
            raise PydanticCustomError("deployments", "an alias needs at least one deployment")
        return self


class Lockout(_Strict):
    """`triggers` calls that guards block `within` so many seconds lock a user out: for the first of `seconds`, the next
    time for the second, and so on. After `forget` seconds without a block it begins anew."""

    triggers: int = Field(5, ge=1)
    within: float = Field(600.0, gt=0)
    seconds: list[float] = [60.0, 600.0, 3600.0]
    forget: float = Field(86_400.0, gt=0)

    @field_validator("seconds")
    @classmethod
    def _are_times(cls, given: list[float]) -> list[float]:
        if not given or min(given) <= 0:
            raise PydanticCustomError("seconds", "must be numbers above 0, one at least")
        return given


class UserLimits(_Strict):
    """What each end user (the `user` of a request, or the header x-pilothouse-user) may do, within a project."""

    limits: Limits = Limits()
    budgets: list[Budget] = []
    lockout: Lockout | None = None


class Price(_Strict):
    """A contract price in USD per million tokens, or per hour of a machine of one's own.

    With `gpu_hour` (USD) and `tokens_per_hour` (its measured throughput) both token prices follow from them. Without a
    `batch_discount` it is the vendor's own.
    """

    provider: str
    model: str
    input: Decimal | None = Field(None, ge=0)
    output: Decimal | None = Field(None, ge=0)
    cache_read: Decimal | None = Field(None, ge=0)
    cache_write: Decimal | None = Field(None, ge=0)
    per_request: Decimal = Field(Decimal(0), ge=0)
    batch_discount: _Share | None = None
    gpu_hour: Decimal | None = Field(None, ge=0)
    tokens_per_hour: int | None = Field(None, ge=1)
    valid_from: date | None = None
    valid_until: date | None = None

    @model_validator(mode="after")
    def _priced(self) -> Self:
        by_token = self.input is not None and self.output is not None
        by_hour = self.gpu_hour is not None and self.tokens_per_hour is not None
        if by_token == by_hour:
            raise PydanticCustomError(
                "price", "a price needs 'input' and 'output', or 'gpu_hour' and 'tokens_per_hour'"
            )
        return self


class RagConfig(_Strict):
    """How documents are cut and answered from. Sizes in tokens of the embedded encoder."""

    answer_model: str = "builtin/extractive"
    chunk_tokens: int = Field(512, ge=32, le=4096)
    overlap_tokens: int = Field(64, ge=0)
    top_k: int = Field(6, ge=1, le=100)

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        if self.overlap_tokens > self.chunk_tokens // 2:
            raise PydanticCustomError("overlap", "overlap_tokens must be at most half of chunk_tokens")
        return self


class Config(_Strict):
    """The whole configuration."""

    providers: dict[_Name, ProviderConfig] = {}
    models: dict[_Name, ModelConfig] = {}
    users: UserLimits = UserLimits()
    cache: CacheConfig = CacheConfig()
    batch: BatchConfig = BatchConfig()
    prices: list[Price] = []
    unpriced: Literal["refuse", "allow"] = "refuse"
    rag: RagConfig = RagConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    retention: RetentionConfig = RetentionConfig()
    alerts: AlertsConfig = AlertsConfig()
    exports: dict[_Name, ExportConfig] = {}
    topics: TopicsConfig = TopicsConfig()
    evals: EvalsConfig = EvalsConfig()
    prompts: PromptsConfig = PromptsConfig()
    guards: GuardsConfig = GuardsConfig()
    mcp: dict[_Name, McpConfig] = {}
