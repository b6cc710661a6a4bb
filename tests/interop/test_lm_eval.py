"""EleutherAI's lm-evaluation-harness, unmodified and without torch, asking models behind the gateway."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval")

from .conftest import Door

TEXT = "Hello there, this is the answer."
TASK = {
    "task": "own_qa",
    "dataset_path": "json",
    "test_split": "test",
    "output_type": "generate_until",
    "doc_to_text": "{{question}}",
    "doc_to_target": "{{answer}}",
    "generation_kwargs": {"until": ["\n\n"], "max_gen_toks": 32, "temperature": 0},
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    "metadata": {"version": 1},
}


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: Door) -> Any:
    """A task over a file of one's own: one of four answers is what the model says."""
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("OPENAI_API_KEY", door.key)
    data = tmp_path / "data.jsonl"
    answers = (TEXT, "Another.", "A third.", "A fourth.")
    data.write_text("".join(json.dumps({"question": f"Hello {n}?", "answer": a}) + "\n" for n, a in enumerate(answers)))
    task = {**TASK, "dataset_kwargs": {"data_files": {"test": str(data)}, "cache_dir": str(tmp_path / "cache")}}
    (tmp_path / "own.yaml").write_text(json.dumps(task))  # JSON is YAML
    return TaskManager(include_path=str(tmp_path), include_defaults=False)


def exact_match(tasks: Any, model: str, door: Door, path: str, alias: str, **how: Any) -> float:
    import lm_eval

    arguments = f"model={alias},base_url={door.v1}{path},num_concurrent=4,max_retries=1,tokenized_requests=False"
    told = lm_eval.simple_evaluate(
        model=model, model_args=f"{arguments}{how.pop('more', '')}", tasks=["own_qa"], task_manager=tasks, **how
    )
    return float(told["results"]["own_qa"]["exact_match,none"])


def test_chats_of_every_vendor(tasks: Any, door: Door, wire: str) -> None:
    """`--model local-chat-completions --apply_chat_template`."""
    score = exact_match(tasks, "local-chat-completions", door, "/chat/completions", wire, apply_chat_template=True)
    assert score == 0.25


def test_few_shot(tasks: Any, door: Door) -> None:
    """Examples as turns of a conversation, drawn from the file itself."""
    how = {"apply_chat_template": True, "num_fewshot": 2, "fewshot_as_multiturn": True}
    assert exact_match(tasks, "local-chat-completions", door, "/chat/completions", "openai", **how) == 0.25


def test_text_completions(tasks: Any, door: Door) -> None:
    """`--model local-completions`, which sends a prompt."""
    score = exact_match(tasks, "local-completions", door, "/completions", "openai", more=",tokenizer_backend=None")
    assert score == 0.25
