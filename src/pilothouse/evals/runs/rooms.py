"""What a run needs of the platform that it runs in."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse.call import Call, Recorder
from pilothouse.errors import PilothouseError
from pilothouse.evals.cards.judges import JudgeRoom
from pilothouse.evals.cards.planned import named_by
from pilothouse.evals.reports.runs import Objections
from pilothouse.evals.runs.prompted import Versions, prompt_print
from pilothouse.evals.runs.remembered import PROMPT, Fingerprint
from pilothouse.ids import content_hash, new_id, now_us
from pilothouse.principal import EMBEDDED, Principal
from pilothouse.protocols import Chat, Encode
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.types import ChatRequest

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.gateway import Gateway
    from pilothouse.observe import Prices

__all__ = ["Price", "Rooms", "rooms_of"]

Price = Callable[[str, int, int], Awaitable[int | None]]
"""What so many tokens into and out of a model cost, in nano-USD; None where no price is known."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """The gateway's chat, the embedded encoder, where spans go, where runs are kept, the home of this process, why a
    judge may not decide a gate, and versions of prompts. Calls are those of `principal`: its limits, budgets and policy
    hold."""

    store: Store
    home: Path
    chat: Chat
    recorder: Recorder
    fingerprint: Fingerprint
    price: Price
    encode: Encode | None = None
    objections: Objections | None = None
    principal: Principal = EMBEDDED
    prompts: Versions | None = None

    @property
    def runs(self) -> EvalRuns:
        return EvalRuns(self.store)


def rooms_of(
    platform: "Platform", project: str, principal: Principal = EMBEDDED, *, gateway: "Gateway | None" = None,
    prices: "Prices | None" = None,
) -> Rooms:  # fmt: skip
    """Those of a platform, for runs in this project on behalf of this caller; with another gateway and its prices in
    place of those that serve."""
    gateway, prices = gateway or platform.gateway, prices or platform.prices

    def asked(model: str) -> tuple[ChatRequest, Call]:
        request = ChatRequest.check({"model": model, "messages": [{"role": "user", "content": ""}]})
        return request, Call(platform.recorder, principal, project_id=project)

    def guarded(model: str) -> list[str]:
        """The version of the guards that look at its calls, since answers differ by them; nothing where none do."""
        alias, runtime = gateway.runtime.snapshot.config.models.get(model), gateway.runtime
        version = runtime.guards.of(principal.policy.guards, () if alias is None else alias.guards).version
        return [version] if version else []

    async def fingerprint(model: str) -> str:
        if model.startswith(PROMPT):
            named = model.removeprefix(PROMPT)
            found = await asyncio.to_thread(prompt_print, platform.prompts.prompts, project, named)
            return content_hash([found, *guards]) if (guards := guarded(model)) else found
        router = gateway.router
        request, call = asked(model)
        plan = await router.decide(request, call)
        versions = []
        for deployment in plan.candidates:
            if not deployment.leaf:
                try:
                    versions.append(await deployment.provider.version(deployment.model, call))  # type: ignore[attr-defined]
                except PilothouseError:
                    versions.append(new_id())
        return content_hash([model, plan.alias, router.revision(plan), *versions, *guarded(model)])

    async def price(model: str, read: int, wrote: int) -> int | None:
        request, call = asked(model)
        plan = await gateway.router.decide(request, call)
        dearest, complete = prices.dearest(plan.leaves, read, wrote, now_us()) if plan.leaves else (0, True)
        if complete and not all(deployment.leaf for deployment in plan.candidates):  # a corpus: who answers from it
            rag = gateway.runtime.snapshot.config.rag
            passages = rag.top_k * rag.chunk_tokens
            inner = None if rag.answer_model == model else await price(rag.answer_model, read + passages, wrote)
            return None if inner is None or dearest is None else max(dearest, inner)
        return dearest if complete else None

    return Rooms(
        platform.store, platform.settings.home, gateway.chat, platform.recorder, fingerprint, price,
        platform.encode, JudgeRoom(platform.store, named_by(platform.snapshot.config)).objections, principal,
        platform.prompts.prompts,
    )  # fmt: skip
