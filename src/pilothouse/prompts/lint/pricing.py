"""Prices and windows of models as a prompt names them: an alias of the configuration, `provider/model`, or a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.observe.costs.prices import PriceOverride, Prices, price_kind
from pilothouse.types import Usage

__all__ = ["ModelPricing", "Payee"]

_ANYONE = "openai-compatible"


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid for a model: the provider's name in the configuration, its kind of price, and what it calls the
    model. `window` is the longest input in tokens, where the configuration says one."""

    provider: str
    kind: str
    model: str
    window: int | None = None


@dataclass(frozen=True)
class ModelPricing:
    """The prices of models by name; what an alias costs is what its dearest deployment costs."""

    prices: Prices = field(default_factory=Prices)
    aliases: Mapping[str, Sequence[Payee]] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config, prices: Prices | None = None) -> "ModelPricing":
        """With the aliases of a configuration, and its contract prices where no `prices` are given."""
        made = dict[str, list[Payee]]()
        for alias, model in config.models.items():
            for one in model.deployments:
                provider = config.providers.get(one.provider)
                kind = one.provider if provider is None else provider.kind or one.provider
                base = None if provider is None else provider.base_url
                made.setdefault(alias, []).append(
                    Payee(one.provider, price_kind(kind, base), one.model, one.context_tokens)
                )
        return cls(prices or Prices(map(PriceOverride.of, config.prices)), made)

    def cost(self, model: str, input_tokens: int, output_tokens: int) -> int | None:
        """Nano-USD of a call, None where one of those that may answer it has no known price."""
        usage, at_us = Usage(input_tokens, output_tokens), now_us()
        found = [
            self.prices.cost(one.kind, one.model, usage, at_us, provider=one.provider) for one in self._payees(model)
        ]
        known = [nano for nano in found if nano is not None]
        return max(known) if known and len(known) == len(found) else None

    def window(self, model: str) -> int | None:
        """Tokens of the longest input that all who may answer take, None where that is not known."""
        found = [one.window or self.prices.window(one.kind, one.model) for one in self._payees(model)]
        known = [window for window in found if window is not None]
        return min(known) if known else None

    def _payees(self, model: str) -> Sequence[Payee]:
        known = self.aliases.get(model)
        if known is not None:
            return known
        provider, slash, rest = model.partition("/")
        return [Payee("", provider, rest)] if slash else [Payee("", _ANYONE, model)]
