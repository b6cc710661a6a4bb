"""The report for a pull request."""

import msgspec
from markdown_it import MarkdownIt

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.reports.compare import compare
from pilothouse.evals.reports.gates import check
from pilothouse.evals.reports.markdown import MOST, markdown
from pilothouse.evals.reports.summary import summarise
from pilothouse.evals.reports.told import Facts, Told
from tests.evals.reports.conftest import Make

RUN = Facts(
    id="0192", name="support", suite="support-answers", subject="model default", done=40, planned=40, commit="abc"
)
MAIN = Facts(id="0191", name="support", branch="main")


def told(make: Make, gates: list[str], hostile: str = "question") -> Told:
    topics = [{"topic": f"tax {hostile}" if n < 20 else "other"} for n in range(40)]
    before = make("exact", [True] * 40, metadata=topics, input=hostile, output=hostile)
    after = make("exact", [False] * 15 + [True] * 25, metadata=topics, input=hostile, output=hostile, latency_s=1.2)
    comparison = compare(before, after, slices=["topic"])
    summary = summarise(after, slices=["topic"])
    return Told(
        run=RUN, summary=summary, gates=tuple(check(gates, summary, comparison)), comparison=comparison, baseline=MAIN
    )


def test_what_decides_is_on_top(make: Make) -> None:
    text = markdown(told(make, ["exact < 0.5", "exact drop > 0.02 ci"]))
    head = text.split("<details>")[0]
    assert head.startswith("### ❌ support: 1 of 2 gates failed.\n")
    lines = head.splitlines()
    assert lines[2].startswith("- ❌ <code>exact drop &#62; 0.02 ci</code> the drop of exact is 0.375 (0.216 to")
    assert lines[3].startswith("- ✅ <code>exact &#60; 0.5</code>")
    row = next(line for line in lines if line.startswith("| <code>exact"))
    assert row.split(" | ")[1:] == ["1.000", "0.625 (0.470 to 0.758)", "-0.375 (-0.530 to -0.216) **worse**", "< 0.001",
                                    "62.5%", "0 |"]  # fmt: skip
    assert "Compared over 40 cases with <code>support</code> on <code>main</code>" in head
    assert "**Flips**: 15 passed before, not now." in head
    assert head.count("\n- <code>exact</code> passed before, not now (1.000 → 0.000), case <code>c") == 3
    assert "cost unknown" in head


def test_the_rest_is_folded(make: Make) -> None:
    text = markdown(told(make, []))
    assert "### ✅ support: The run is done. It has no gates." in text
    for title in ("Flips, the worst first (15)", "Slices by their change, the worst first", "Slices, the worst first",
                  "What was compared, and what could not be"):  # fmt: skip
        assert f"<details>\n<summary>{title}</summary>\n" in text
    assert "<pre>question</pre>" in text
    assert "so many cases show a change of" in text
    assert text.rstrip().endswith("<sub>Run 0192 · support-answers · model default · commit abc</sub>")


def test_it_fits_a_comment_and_says_what_it_left_out(make: Make) -> None:
    before, after = make("exact", [True] * 300, input="?" * 3000), make("exact", [False] * 300, output="<" * 3000)
    summary = summarise(after)
    whole = Told(run=RUN, summary=summary, comparison=compare(before, after), baseline=MAIN)
    assert len(markdown(whole)) < MOST
    short = markdown(whole, most=6000)
    assert len(short) <= 6001
    assert "Left out, since a comment holds no more: Flips, the worst first (300)" in short
    assert "Run 0192" in short


def test_hostile_text_makes_no_markup(make: Make) -> None:
    hostile = "</details>\n\n# owned | @everyone <img src=x onerror=alert(1)> [x](http://evil.example) `"
    run = msgspec.structs.replace(RUN, name="a\n# b", subject="<b>", error="no")
    text = markdown(msgspec.structs.replace(told(make, [], hostile), run=run))
    parsed = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    assert [token.tag for token in parsed if token.type == "heading_open"] == ["h3"]
    inner = [child for token in parsed for child in token.children or []]
    assert {child.type for child in inner} <= {"text", "html_inline", "softbreak", "strong_open", "strong_close"}
    html = {child.content for child in inner if child.type == "html_inline"}
    assert html <= {"<code>", "</code>", "<!-- -->", "<sub>", "</sub>"}
    assert text.count("<details>") == text.count("</details>")
    assert "<img" not in text


def test_what_could_not_be_told_is_said_with_its_reasons(make: Make) -> None:
    outcomes = [*make("quality", [0.5, None, None, "skip"]), Outcome(case=Case(id="e", input="q"), error="Timed out.")]
    run = msgspec.structs.replace(RUN, status="stopped", error="Its money is spent.", done=5)
    text = markdown(Told(run=run, summary=summarise(outcomes), notes=("2 answers may be paid for twice.",)))
    assert "### ❌ support: The run is stopped, with 5 of 40 outcomes: Its money is spent." in text
    assert "| 2 failed, 1 skipped |" in text
    assert "1 failed; cost" in text
    assert "<code>quality</code>, 2 times: The judge gave no JSON." in text
    assert "the task failed, once: Timed out." in text
    assert "2 answers may be paid for twice." in text


def test_trials_and_labels(make: Make) -> None:
    summary = summarise([*make("exact", [[True, False]] * 4), *make("intent", ["refund"] * 3)], trials=2)
    text = markdown(Told(run=RUN, summary=summary))
    assert "<summary>Of 2 trials</summary>" in text
    assert "| <code>exact</code> | 2 | 1.000 (" in text
    assert "4 flaky" in text
    assert "| refund 3 |" in text


def test_criteria() -> None:
    told = Verdict.ok("quality", 0.5, detail={"scores": {"faithfulness": 4, "clarity": 2}})
    summary = summarise([Outcome(case=Case(id="1", input="q"), verdicts=(told,))])
    text = markdown(Told(run=RUN, summary=summary))
    assert "<summary>By criterion, from 1 to 5</summary>" in text
    assert "| <code>quality</code> | <code>faithfulness</code> | 1 | 4.000 (" in text


def test_a_run_of_nothing() -> None:
    assert "No evaluator said anything." in markdown(Told(run=RUN, summary=summarise([])))
