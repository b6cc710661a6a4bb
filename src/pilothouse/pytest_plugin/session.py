"""What a process of pytest evaluates with: the models that evaluators may ask, made when one first needs them.

Evaluators run on a loop of their own in a thread, so that tests may be sync or async and no two loops meet. A judge is
a model of the platform of PILOTHOUSE_HOME, which runs in this process.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pilothouse.call import Call
from pilothouse.cases import Case, Verdict
from pilothouse.client import Loop
from pilothouse.evals.shapes import Evaluator, Models
from pilothouse.ids import new_id
from pilothouse.principal import EMBEDDED
from pilothouse.settings import Settings
from pilothouse.testing.record import new_call

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["Session"]


class Session:
    """`judge` is who judges where a test names nobody, `project` whose calls that are."""

    def __init__(self, judge: str | None, project: str = "default") -> None:
        self.judge = judge
        self._project = project
        self._loop = Loop()
        self._stack = ExitStack()
        self._platform: Platform | None = None

    def lacking(self, evaluators: Sequence[Evaluator], judge: str | None) -> str:
        """Why some of these cannot judge here, in a sentence; empty where all can."""
        named = judge or self.judge
        mute = [one.name for one in evaluators if "judge" in one.needs and not (named or _own(one))]
        if not mute:
            return ""
        return f"No judge model is set for {', '.join(mute)}: name one by --eval-judge, in the mark, or as its model."

    def verdicts(self, case: Case, evaluators: Sequence[Evaluator], judge: str | None = None) -> list[Verdict]:
        """What they say of it, in their order. Raises what would stop a run, such as a spent budget."""
        models = self._models(evaluators, judge or self.judge)
        return self._loop.run(_asked(case, evaluators, models))

    def close(self) -> None:
        """End what was begun."""
        if self._platform is not None:
            self._loop.run(self._platform.stop())
        self._stack.close()
        self._loop.close()

    def _models(self, evaluators: Sequence[Evaluator], judge: str | None) -> Models:
        if not any(one.needs & {"judge", "encoder"} or getattr(one, "unit", "") == "tokens" for one in evaluators):
            return Models(make_call=new_call)
        platform = self._open()
        return Models(
            make_call=lambda: Call(platform.recorder, EMBEDDED, self._project, request_id=f"eval_{new_id()}"),
            chat=platform.gateway.chat, judge=judge, encode=platform.encode,
        )  # fmt: skip

    def _open(self) -> "Platform":
        from pilothouse.app import build  # noqa: PLC0415 - takes a second, and rules do without

        if self._platform is None:
            self._platform = self._stack.enter_context(build(Settings.from_env()))
        return self._platform


async def _asked(case: Case, evaluators: Sequence[Evaluator], models: Models) -> list[Verdict]:
    return [await one.evaluate(case, models) for one in evaluators]


def _own(evaluator: Evaluator) -> bool:
    """Whether it names its judges itself."""
    return bool(getattr(evaluator, "model", None) or getattr(evaluator, "models", None))
