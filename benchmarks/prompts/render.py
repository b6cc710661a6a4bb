"""CPU time of a render beside plain Jinja: `python benchmarks/prompts/render.py`. No files, no network, 10 seconds.

Each template is read once beforehand by both. Jinja fills in trusted values without any bound; what is measured here
checks and copies the variables, counts steps and characters, and marks what is untrusted.
"""

import platform
import time
from collections.abc import Callable
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from pilothouse import PromptTemplate

TEXT = "Pilothouse keeps every call as a span, with what it cost and what it waited for. " * 10
DOCS = [{"title": f"Document {i}", "text": TEXT, "score": i / 10} for i in range(10)]
RAG = """Answer from the documents alone. Cite them as [number].
{% for doc in docs if doc.score > 0.1 %}
[{{ loop.index }}] {{ doc.title }}
{{ doc.text|trim }}
{% endfor %}
{% if tone %}Write in a {{ tone|lower }} tone.{% endif %}
Question: {{ question }}
"""
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("a line with two variables", "Hello {{ name }}, you asked: {{ question }}", {"name": "Ada", "question": "Why?"}),
    ("a prompt of RAG over 10 documents of 810 characters", RAG, {"docs": DOCS, "tone": "Dry", "question": "Why?"}),
    (
        "a loop of 1,000 turns",
        "{% for n in numbers %}{{ n }}: {{ n * 2 }}{% if n is odd %}!{% endif %}\n{% endfor %}",
        {"numbers": list(range(1000))},
    ),
]


def cpu_us(call: Callable[[], object], rounds: int = 9, at_least: float = 0.08) -> float:
    """Microseconds of CPU of one call: the least of `rounds`."""
    count = 1
    while True:
        start = time.process_time()
        for _ in range(count):
            call()
        if time.process_time() - start > at_least:
            break
        count *= 2
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(count):
            call()
        best = min(best, (time.process_time() - start) / count)
    return best * 1e6


def main() -> None:
    """Print a table."""
    plain = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    sandbox = SandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    print(f"Python {platform.python_version()}, Jinja {jinja2.__version__}\n")
    print("| template | Pilothouse | Jinja | Jinja's sandbox | ratio to Jinja | to its sandbox |")
    print("|---|---|---|---|---|---|")
    for name, text, given in CASES:
        ours, theirs, theirs_safe = PromptTemplate(text), plain.from_string(text), sandbox.from_string(text)
        assert ours.format(**given) == theirs.render(**given)
        a = cpu_us(lambda ours=ours, given=given: ours.format(**given))  # type: ignore[misc]
        b = cpu_us(lambda theirs=theirs, given=given: theirs.render(**given))  # type: ignore[misc]
        c = cpu_us(lambda theirs=theirs_safe, given=given: theirs.render(**given))  # type: ignore[misc]
        print(f"| {name} | {a:,.0f} µs | {b:,.0f} µs | {c:,.0f} µs | {a / b:.2f} | {a / c:.2f} |")


if __name__ == "__main__":
    main()
