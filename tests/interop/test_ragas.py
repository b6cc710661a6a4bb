"""The four metrics of RAGAS beside the package itself, where both are told the same by their judges.

Runs in an environment with `ragas` and the few packages that evaluators of Pilothouse import.
"""

import random
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ragas")
numpy = pytest.importorskip("numpy")

SEEDS = range(20)
CONTEXT = tuple(f"Passage {n}." for n in range(6))


@pytest.fixture(scope="module", autouse=True)
def ours() -> None:
    """This environment has no Pilothouse."""
    sys.path.append(str(Path(__file__).parents[2] / "src"))


def vectors(texts: Any) -> Any:
    """A unit vector for each text, the same each time."""
    rows = [numpy.random.default_rng(sum(text.encode())).normal(size=8) for text in texts]
    return numpy.array([row / numpy.linalg.norm(row) for row in rows], numpy.float32)


class Judge:
    """What a judge has made up its mind to say, by chance."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.statements = [f"Statement {n}." for n in range(draw.randint(1, 9))]
        self.supported = [draw.random() < 0.6 for _ in self.statements]
        self.useful = [draw.random() < 0.5 for _ in CONTEXT]
        evasive = draw.choice([0.0, 0.5, 1.0])
        self.questions = [(f"Question {draw.randint(0, 99)}?", draw.random() < evasive) for _ in range(3)]

    async def score(self, evaluator: Any) -> float:
        """What our evaluator makes of it."""
        from pilothouse.call import Call
        from pilothouse.evals.shapes import Case, Models
        from pilothouse.testing.record import MemoryRecorder

        class Encode:
            async def __call__(self, texts: Any) -> Any:
                return vectors(texts)

            async def count_tokens(self, texts: Any) -> Any:
                return [len(text) for text in texts]

        models = Models(make_call=lambda: Call(MemoryRecorder()), chat=self._chat, judge="judge", encode=Encode())
        case = Case(id="1", input="Why?", output="Because.", expected="Therefore.", context=CONTEXT)
        verdict = await evaluator.evaluate(case, models)
        assert verdict.status == "ok", verdict
        return float(verdict.score)

    async def _chat(self, request: Any, call: Any) -> Any:
        from msgspec.json import encode

        from pilothouse.types import ChatChunk

        prompt = request.last_user_text()
        if '{"claims"' in prompt:
            said: Any = {"claims": self.statements}
        elif '"claim": 1' in prompt:
            labels = ["supported" if one else "not found" for one in self.supported]
            said = {"verdicts": [{"claim": n, "verdict": label} for n, label in enumerate(labels, 1)]}
        elif '"passage": 1' in prompt:
            said = {"verdicts": [{"passage": n, "useful": one} for n, one in enumerate(self.useful, 1)]}
        else:
            said = {"questions": [{"question": text, "noncommittal": one} for text, one in self.questions]}
        message = {"role": "assistant", "content": encode(said).decode()}
        yield ChatChunk(encode({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}))

    def theirs(self) -> Any:
        """The same judge for the package."""
        from ragas.llms.base import InstructorBaseRagasLLM

        judge, passages, questions = self, iter(self.useful), iter(self.questions)

        class Told(InstructorBaseRagasLLM):
            def generate(self, prompt: str, response_model: Any) -> Any:
                fields = response_model.model_fields
                if "classifications" in fields:
                    pairs = zip(judge.statements, judge.supported, strict=True)
                    rows = [{"statement": text, "reason": "r", "attributed": int(one)} for text, one in pairs]
                    return response_model.model_validate({"classifications": rows})
                if "noncommittal" in fields:
                    text, evasive = next(questions)
                    return response_model(question=text, noncommittal=int(evasive))
                if "statements" in fields and fields["statements"].annotation.__args__[0] is str:
                    return response_model(statements=judge.statements)
                if "statements" in fields:
                    pairs = zip(judge.statements, judge.supported, strict=True)
                    rows = [{"statement": text, "reason": "r", "verdict": int(one)} for text, one in pairs]
                    return response_model.model_validate({"statements": rows})
                return response_model(reason="r", verdict=int(next(passages)))

            async def agenerate(self, prompt: str, response_model: Any) -> Any:
                return self.generate(prompt, response_model)

        return Told()


@pytest.mark.parametrize("seed", SEEDS)
async def test_faithfulness(seed: int) -> None:
    from ragas.metrics.collections import Faithfulness as Theirs

    from pilothouse.evals.judges.ragas import Faithfulness

    judge = Judge(seed)
    due = await Theirs(llm=judge.theirs()).ascore(
        user_input="Why?", response="Because.", retrieved_contexts=list(CONTEXT)
    )
    assert await judge.score(Faithfulness()) == pytest.approx(due.value, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
async def test_context_recall(seed: int) -> None:
    from ragas.metrics.collections import ContextRecall as Theirs

    from pilothouse.evals.judges.ragas import ContextRecall

    judge = Judge(seed)
    due = await Theirs(llm=judge.theirs()).ascore(
        user_input="Why?", retrieved_contexts=list(CONTEXT), reference="Therefore."
    )
    assert await judge.score(ContextRecall()) == pytest.approx(due.value, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
async def test_context_precision(seed: int) -> None:
    """Theirs adds 1e-10 to what it divides by."""
    from ragas.metrics.collections import ContextPrecision as Theirs

    from pilothouse.evals.judges.ragas import ContextPrecision

    judge = Judge(seed)
    due = await Theirs(llm=judge.theirs()).ascore(
        user_input="Why?", reference="Therefore.", retrieved_contexts=list(CONTEXT)
    )
    assert await judge.score(ContextPrecision()) == pytest.approx(due.value, abs=2e-10)


@pytest.mark.parametrize("seed", SEEDS)
async def test_answer_relevance(seed: int) -> None:
    """Theirs asks for one question three times, ours once for three."""
    from ragas.embeddings.base import BaseRagasEmbedding
    from ragas.metrics.collections import AnswerRelevancy as Theirs

    from pilothouse.evals.judges.ragas import AnswerRelevance

    class Embedding(BaseRagasEmbedding):
        def embed_text(self, text: str, **_: Any) -> list[float]:
            return list(vectors([text])[0])

        async def aembed_text(self, text: str, **_: Any) -> list[float]:
            return self.embed_text(text)

    judge = Judge(seed)
    due = await Theirs(llm=judge.theirs(), embeddings=Embedding()).ascore(user_input="Why?", response="Because.")
    assert await judge.score(AnswerRelevance()) == pytest.approx(due.value, abs=1e-6)
