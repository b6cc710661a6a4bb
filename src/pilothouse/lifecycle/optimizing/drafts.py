"""A content that is no version yet, as what makes the output of a case."""

from dataclasses import dataclass

import msgspec

from pilothouse.cases import Case
from pilothouse.errors import InvalidRequest
from pilothouse.evals.datasets.cases import answer_of
from pilothouse.evals.runs.prompted import variables_for
from pilothouse.evals.runs.subject import Asking, ModelSubject, TaskFailed
from pilothouse.evals.runs.turns import Turn
from pilothouse.prompts.templates.rendering import Prepared
from pilothouse.types import ChatRequest, Json

__all__ = ["DraftSubject", "draft_subject"]


@dataclass(frozen=True, slots=True)
class DraftSubject(ModelSubject):
    """Renders the content here and asks the model with it, as the gateway would with a version."""

    draft: Prepared

    async def run(self, case: Case, asking: Asking, turn: Turn) -> Case:
        content = self.draft.content
        try:
            made = self.draft.render(variables_for(case.input, content))
        except (ValueError, InvalidRequest) as error:
            raise TaskFailed(str(error)) from None
        body: Json = {**content.params, "model": self.model, "messages": made.as_messages}
        if content.tools:
            body["tools"] = content.tools
        if content.response_format is not None:
            body["response_format"] = content.response_format
        answer = await asking.send(ChatRequest.check(body))
        text, steps = answer_of(answer.data)
        return msgspec.structs.replace(case, output=text, steps=steps)


def draft_subject(draft: Prepared, model: str) -> DraftSubject:
    """The subject that asks this model."""
    return DraftSubject(model, None, {}, draft)
