"""What forms order of work on a prompt: a version judged on cases of one's choice, a better one looked for.

As the JSON that the API takes; what is in it is checked there. Knows nothing of pages.
"""

from pilothouse.console.forms import Fields
from pilothouse.errors import InvalidRequest
from pilothouse.prompts.versions import PRODUCTION
from pilothouse.types import Json

__all__ = ["evaluation_of", "fields_of_search", "search_of"]


def evaluation_of(form: Fields, version: int) -> Json:
    """By the rule that protects production, or by a dataset and evaluators where `by` says `own`. Raises
    InvalidRequest where these are not said."""
    told: Json = {"version": version, "label": PRODUCTION, "fresh": form.get("fresh") == "yes"}
    if form.get("by") != "own":
        return told
    suite: Json = {"dataset": _dataset(form), "evaluators": _evaluators(form)}
    suite |= {name: form.get(name) for name in ("judge", "max_cost_usd") if form.get(name)}
    suite |= {name: _whole(form, name) for name in ("limit",) if form.get(name)}
    rule = {"suite": suite} | ({"model": form.get("model")} if form.get("model") else {})
    return told | {"rule": rule}


def search_of(form: Fields, version: int) -> Json:
    """Where to look for a better version than this one, and by what. Raises InvalidRequest, naming the field."""
    named = _evaluators(form)
    told: Json = {"version": version, "dataset": _dataset(form), "metric": named[0], "evaluators": named}
    told |= {name: form.get(name) for name in ("model", "judge", "max_cost_usd") if form.get(name)}
    told |= {"limit": _whole(form, "limit")} if form.get("limit") else {}
    told["examples"] = _whole(form, "examples") if form.get("by_examples") == "yes" else 0
    if form.get("by_rewriting") == "yes":
        if not form.get("rewrite_model"):
            raise InvalidRequest("Say which model is to write the template anew.", param="rewrite_model")
        told |= {"rewrite_model": form.get("rewrite_model"), "rewrites": _whole(form, "rewrites")}
    return told


def fields_of_search(model: str) -> Fields:
    """The form of a search as it is shown first."""
    usual = {
        "by_examples": "yes", "examples": "4", "rewrites": "2", "max_cost_usd": "5", "limit": "200",
        "evaluators": "exact", "rewrite_model": model,
    }  # fmt: skip
    return Fields({name: [value] for name, value in usual.items()})


def _dataset(form: Fields) -> str:
    if not form.get("dataset"):
        raise InvalidRequest("Choose the dataset whose cases are to be asked.", param="dataset")
    return form.get("dataset")


def _evaluators(form: Fields) -> list[str]:
    found = list(dict.fromkeys(form.words("evaluators")))
    if not found:
        raise InvalidRequest("Name at least one evaluator, such as `exact`.", param="evaluators")
    return found


def _whole(form: Fields, name: str) -> int:
    text = form.get(name)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidRequest(f"{name}: '{text[:40]}' is no whole number.", param=name)
    return int(text)
