import numpy as np

from pilothouse.lifecycle.sentinel.answers import Answer, Run
from pilothouse.lifecycle.sentinel.course import Course, Status, examples_of, references_of, take

WATCH = ("agreement", "length", "refusals", "fingerprint", "evaluators")
PROMPTS = 10


class Deployment:
    """Answers one of three things to each prompt, the usual one mostly."""

    def __init__(self, baseline: int = 24, limit: float = 1000, seed: int = 1) -> None:
        self.rng, self.baseline, self.limit = np.random.default_rng(seed), baseline, limit
        self.course, self.known, self.hour = Course(), dict[int, Run](), 0

    def run(self, share: float = 0.1, say: str = "", **more: str) -> Status:
        self.hour += 1
        answers = {}
        for n in range(PROMPTS):
            other = self.rng.random() < share
            answers[f"p{n}"] = Answer(text=f"{say}answer {n} {self.rng.integers(3) if other else 'usual'}", **more)  # type: ignore[arg-type]
        run = Run(at_us=self.hour, answers=answers)
        self.known[self.hour] = run
        references = [self.known[at] for at in self.course.reference]
        return take(self.course, run, references, self.baseline, WATCH, self.limit)


def test_the_baseline_is_learnt_first() -> None:
    one = Deployment()
    assert references_of(24) == 8
    assert {one.run() for _ in range(24)} == {"learning"}
    assert one.run() == "watching"
    assert (len(one.course.reference), len(one.course.figures), one.course.runs) == (8, 17, 25)


def test_a_deployment_that_does_not_change_raises_nothing() -> None:
    one = Deployment()
    assert {one.run() for _ in range(150)} == {"learning", "watching"}


def test_a_change_of_some_answers_is_found_with_when_it_began() -> None:
    one = Deployment()
    for _ in range(60):
        one.run()
    late = 0
    while one.run(share=0.6) != "changed":
        late += 1
    assert late < 8
    change = one.course.change
    assert change is not None
    assert 60 <= change.since_us <= 62
    assert change.differences[0].figure == "agreement"
    assert change.differences[0].since > 0.4 > change.differences[0].before
    found = examples_of(one.known[change.found_us], [one.known[at] for at in one.course.reference])
    assert 0 < len(found) <= 5
    assert all(example.before != example.now for example in found)


def test_figures_that_are_not_watched_are_told_and_raise_nothing() -> None:
    one = Deployment()
    for _ in range(40):
        one.run(seconds=1.0)  # type: ignore[arg-type]
    assert {one.run(seconds=9.0) for _ in range(20)} == {"watching"}  # type: ignore[arg-type]
    assert one.course.figures[-1]["latency"] > 2


def test_a_new_fingerprint_shows_and_is_evidence_like_others() -> None:
    one = Deployment()
    for _ in range(60):
        one.run(fingerprint="fp1")
    statuses = [one.run(fingerprint="fp2") for _ in range(6)]
    assert statuses[0] == "watching"
    assert statuses[-1] == "changed"
    assert one.course.change is not None
    assert one.course.change.fingerprints == [["fp1"], ["fp2"]]


def test_old_figures_go_and_the_baseline_stays(monkeypatch: object) -> None:
    from pilothouse.lifecycle.sentinel import course as module

    monkeypatch.setattr(module, "_MOST", 20)  # type: ignore[attr-defined]
    one = Deployment(baseline=12)
    for _ in range(40):
        one.run()
    assert len(one.course.figures) == len(one.course.at_us) == 20
    assert one.course.at_us[:8] == list(range(5, 13))
