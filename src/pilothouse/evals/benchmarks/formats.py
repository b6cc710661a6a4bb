"""Files of benchmarks, read as questions: those in which their authors, and the hubs that copy them, give them out.

Each reader takes one record to its questions. A record that does not fit is an InvalidRequest that names its place.
"""

import csv
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pilothouse.errors import InvalidRequest
from pilothouse.evals.benchmarks.questions import LETTERS, UNANSWERABLE, Kind, Question
from pilothouse.evals.datasets.files import read_records
from pilothouse.evals.values import written
from pilothouse.types import Json

__all__ = ["FORMATS", "Layout", "read_questions"]

_FINAL = re.compile(r"####\s*(\S.*)")
_STEPS = re.compile(r"<<.*?>>")  # GSM8K's notes for calculators
_BRACKETS = re.compile(r"\s*\[\w+\]\s*")  # HellaSwag's [header], [title], [step]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a benchmark is written down: what answers are, and what makes questions of a record."""

    kind: Kind
    says: str
    read: Callable[[Json], Iterator[Question]]


def read_questions(path: Path, layout: str) -> list[Question]:
    """The questions of a file in one of FORMATS, in its order. Raises InvalidRequest for a file that cannot be read, or
    that holds none, and for a record that is no such question."""
    chosen = FORMATS[layout]
    found: list[Question] = []
    seen = dict[str, int]()
    for where, record in _records(path, layout):
        try:
            for question in chosen.read(_object(record)):
                nth = seen[question.id] = seen.get(question.id, 0) + 1
                found.append(question if nth == 1 else replace(question, id=f"{question.id}-{nth}"))
        except _Unfit as error:
            raise InvalidRequest(f"{where}: is no question of '{layout}': {error}.") from None
    if not found:
        raise InvalidRequest(f"{path.name}: holds no question.")
    return found


def _records(path: Path, layout: str) -> Iterator[tuple[str, Any]]:
    if layout == "mmlu" and path.suffix.lower() == ".csv":
        yield from _bare_rows(path)
    else:
        yield from read_records(path)


def _bare_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Rows without a header: question, choices, letter. One that is a header all the same is passed over."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.reader(file):
                if row and not (len(row) > 2 and row[-1].strip().lower() in ("answer", "target")):
                    record = {"question": row[0], "choices": row[1:-1], "answer": row[-1]}
                    yield f"{path.name}, row with '{row[0][:40]}'", record
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(f"{path.name}: cannot be read: {error}.") from None


class _Unfit(ValueError):
    """What a record lacks, as the rest of a sentence."""


# ---- one reader a benchmark


def _mmlu(record: Json) -> Iterator[Question]:
    choices = _choices(_there(record, "choices"))
    yield _chosen(record, _text(record, "question"), choices, _place(record.get("answer"), len(choices)))


def _arc(record: Json) -> Iterator[Question]:
    given = _there(record, "question")
    stem, options = (given.get("stem"), given.get("choices")) if isinstance(given, dict) else (given, None)
    options = record.get("choices") if options is None else options
    if isinstance(options, dict):
        pairs = zip(_list(options, "text"), _list(options, "label"), strict=False)
        options = [{"text": text, "label": label} for text, label in pairs]
    if not isinstance(options, list) or not all(isinstance(one, dict) for one in options):
        raise _Unfit("its choices are no list of texts with labels")
    labels = [str(one.get("label")) for one in options]
    key = str(record.get("answerKey"))
    if not isinstance(stem, str) or key not in labels:
        raise _Unfit(f"its answerKey '{key[:20]}' is none of the labels {', '.join(labels)[:60]}")
    yield _chosen(record, stem, _choices([one.get("text") for one in options]), labels.index(key))


def _hellaswag(record: Json) -> Iterator[Question]:
    begun = record.get("ctx")
    if not isinstance(begun, str):
        begun = f"{_text(record, 'ctx_a')} {record.get('ctx_b') or ''}"
    choices = _choices([_BRACKETS.sub(" ", written(one)).strip() for one in _list(record, "endings")])
    text = f"How does this go on?\n{_BRACKETS.sub(' ', begun).strip()}"
    record = {**record, "id": record.get("id", record.get("ind")), "subject": record.get("activity_label")}
    yield _chosen(record, text, choices, _place(record.get("label"), len(choices)))


def _truthfulqa(record: Json) -> Iterator[Question]:
    """The one true answer among others (MC1). Files have it first, so the choices are put in an order by chance that
    depends on the question alone."""
    targets = _there(record, "mc1_targets")
    if isinstance(targets, dict) and "choices" in targets:
        pairs = list(zip(_list(targets, "choices"), _list(targets, "labels"), strict=False))
    else:
        pairs = list(_object(targets).items())
    text = _text(record, "question")
    random.Random(text).shuffle(pairs)
    right = [index for index, (_, label) in enumerate(pairs) if label == 1]
    if len(right) != 1:
        raise _Unfit(f"{len(right)} of its choices are labelled as right")
    yield _chosen(record, text, _choices([choice for choice, _ in pairs]), right[0])


def _gsm8k(record: Json) -> Iterator[Question]:
    text, answer = _text(record, "question"), _text(record, "answer")
    final = _FINAL.findall(answer)
    if not final:
        raise _Unfit("its answer does not end in '#### number'")
    worked = _STEPS.sub("", _FINAL.sub("", answer)).strip()
    yield _asked(record, text, "number", (final[-1].replace(",", "").strip(),), worked=worked)


def _squad(record: Json) -> Iterator[Question]:
    """An article with its paragraphs, or one question with its `context` as the hubs have it."""
    if "paragraphs" not in record:
        yield _of_passage(record)
        return
    for paragraph in map(_object, _list(record, "paragraphs")):
        for asked in map(_object, _list(paragraph, "qas")):
            yield _of_passage({**asked, "context": paragraph.get("context"), "title": record.get("title")})


def _of_passage(record: Json) -> Question:
    given = record.get("answers")
    if isinstance(given, dict):
        given = [{"text": text} for text in _list(given, "text")]
    if not isinstance(given, list):
        raise _Unfit("'answers' is missing")
    texts = tuple(dict.fromkeys(_text(_object(one), "text") for one in given)) or (UNANSWERABLE,)
    subject = record.get("title")
    return replace(
        _asked({**record, "subject": subject}, _text(record, "question"), "text", texts),
        passage=_text(record, "context"),
    )


def _table(record: Json) -> Iterator[Question]:
    """Columns or keys `question` and `answer`; `choices`, or columns `A`, `B` and so on, where one has to be chosen."""
    text = _text(record, next((name for name in ("question", "input", "prompt") if name in record), "question"))
    named = next((name for name in ("answer", "answers", "expected", "target") if name in record), "answer")
    answer = _there(record, named)
    lettered = [record[letter] for letter in LETTERS if record.get(letter) not in (None, "")]
    listed = _list(record, "choices") if record.get("choices") else lettered
    if listed:
        choices = _choices(listed)
        yield _chosen(record, text, choices, _place(answer, len(choices), choices))
        return
    answers = tuple(map(written, answer)) if isinstance(answer, list) else (written(answer),)
    question = _asked(record, text, "text", answers)
    yield replace(question, passage=written(record.get("context")) or None)


# ---- what they have in common


def _chosen(record: Json, text: str, choices: tuple[str, ...], right: int) -> Question:
    return replace(_asked(record, text, "choice", (LETTERS[right],), *choices), choices=choices)


def _asked(
    record: Json, text: str, kind: Kind, answers: tuple[str, ...], *more: str, worked: str | None = None
) -> Question:
    digest = blake2b("\n".join((text, *more)).encode("utf-8", "replace"), digest_size=8).hexdigest()
    given, subject = record.get("id"), record.get("subject")
    return Question(
        id=str(given) if isinstance(given, str | int) and str(given) else digest, text=text, kind=kind,
        answers=answers, worked=worked, subject=subject if isinstance(subject, str) and subject else None,
    )  # fmt: skip


def _choices(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not 2 <= len(given) <= len(LETTERS):
        raise _Unfit(f"it must have from 2 to {len(LETTERS)} choices")
    return tuple(written(one).strip() for one in given)


def _place(answer: Any, count: int, choices: tuple[str, ...] = ()) -> int:
    """Which choice is right: by its letter, its number from 0, or its text."""
    said = str(answer).strip()
    if len(said) == 1 and said.upper() in LETTERS[:count]:
        return LETTERS.index(said.upper())
    if said in choices:
        return choices.index(said)
    if said.isdecimal() and int(said) < count and not isinstance(answer, bool):
        return int(said)
    raise _Unfit(f"its answer '{said[:40]}' is none of its {count} choices")


def _object(given: Any) -> Json:
    if not isinstance(given, dict):
        raise _Unfit(f"there must be an object, not {written(given)[:40] or 'nothing'}")
    return given


def _there(record: Json, name: str) -> Any:
    if record.get(name) in (None, ""):
        raise _Unfit(f"'{name}' is missing")
    return record[name]


def _text(record: Json, name: str) -> str:
    value = _there(record, name)
    if not isinstance(value, str | int | float):
        raise _Unfit(f"'{name}' is no text")
    return str(value).strip()


def _list(record: Json, name: str) -> list[Any]:
    value = _there(record, name)
    if not isinstance(value, list):
        raise _Unfit(f"'{name}' is no list")
    return value


FORMATS: Mapping[str, Layout] = {
    "mmlu": Layout("choice", "CSV without header: question, choices, letter; or records with `choices`", _mmlu),
    "arc": Layout("choice", "JSON Lines with `question.stem`, `choices` and `answerKey`", _arc),
    "hellaswag": Layout("choice", "JSON Lines with `ctx`, `endings` and `label`", _hellaswag),
    "truthfulqa": Layout("choice", "JSON or JSON Lines with `mc1_targets`", _truthfulqa),
    "gsm8k": Layout("number", "JSON Lines whose `answer` ends in `#### number`", _gsm8k),
    "squad": Layout("text", "JSON of SQuAD 1.1 or 2.0, or records with `context` and `answers`", _squad),
    "table": Layout("text", "CSV, JSON Lines or Parquet with `question`, `answer`, `A`, `B`, ... or `choices`", _table),
}
"""The layouts there are, by name."""
