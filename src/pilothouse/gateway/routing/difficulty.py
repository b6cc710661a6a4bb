"""How hard a request is: cheap features of its text beside the encoder's vector, and a head that weighs them.

The head that ships was trained on generated requests (benchmarks/difficulty); `pilothouse router train` makes one from
your own. Decides between the two aliases of a model with `strategy: complexity`.
"""

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pilothouse.types import ChatRequest, text_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEATURES", "INPUTS", "VECTOR", "features", "joined", "row"]

VECTOR = 384
FEATURES = (
    "log_words", "log_context", "turns", "tools", "images", "questions", "sentences", "digits", "code", "formulas",
    "steps", "constraints", "listed", "reasoning", "artefact",
)  # fmt: skip
INPUTS = (*(f"e{i}" for i in range(VECTOR)), *FEATURES)

_READ = 4000  # characters of the last message that are looked at
_CODE = re.compile(r"```|\bdef |\bclass |\bfunction\b|=>|\{\n|;\n|\bSELECT\b|\w+\(\w*\)", re.IGNORECASE)
_FORMULA = re.compile(r"[a-z0-9]\s*\^|\bO\(|[=<>≤≥∑∫√]|\\frac|\bn-th\b", re.IGNORECASE)
_STEPS = re.compile(
    r"\b(then|first|second|finally|step|steps|each|before|after|while|if|unless|and how|and which|and what)\b", re.I
)
_CONSTRAINTS = re.compile(
    r"\b(must|exactly|at least|at most|without|only|within|under|no more than|except|every|budget|constraint)\b", re.I
)
_REASONING = re.compile(
    r"\b(why|how would|explain|compare|analy[sz]e|prove|derive|justify|argue|weigh|trade-?offs?|root cause|assess"
    r"|evaluate|criti\w+|recommend|optimi[sz]e|debug|design|plan|implement|refactor|discuss|show that|solve)\b",
    re.I,
)
_ARTEFACT = re.compile(
    r"\b(function|algorithm|query|report|essay|schedule|architecture|proof|test|tests|model|class|strategy|post-mortem"
    r"|clause|contract|pipeline|schema)\b",
    re.I,
)
_LISTED = re.compile(r"(?m)^\s*(?:[-*•]|\d+[.)])\s")


def features(request: ChatRequest) -> "NDArray[np.float64]":
    """The cheap features of a request, in the order of FEATURES. About 20 us for a short message."""
    messages = request.messages
    text = request.last_user_text()[:_READ]
    words = text.split()
    context = sum(len(text_of(message.get("content"))) for message in messages)
    values = (
        math.log1p(len(words)),
        math.log1p(context),
        float(sum(message.get("role") == "user" for message in messages)),
        float(bool(request.tools)),
        float(any(_has_image(message.get("content")) for message in messages)),
        float(text.count("?")),
        math.log1p(text.count(". ") + text.count("? ") + text.count("! ") + text.count("\n")),
        sum(map(str.isdigit, text)) / max(1, len(text)),
        math.log1p(len(_CODE.findall(text))),
        math.log1p(len(_FORMULA.findall(text))),
        math.log1p(len(_STEPS.findall(text))),
        math.log1p(len(_CONSTRAINTS.findall(text))),
        math.log1p(len(_LISTED.findall(text))),
        math.log1p(len(_REASONING.findall(text))),
        math.log1p(len(_ARTEFACT.findall(text))),
    )
    return np.asarray(values)


def row(request: ChatRequest, vector: Any) -> "NDArray[np.float64]":
    """What a head reads of a request: `vector`, the encoder's (384,) of the last user message, and the features."""
    return joined(vector, features(request))


def joined(vector: Any, cheap: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """The same of features that were worked out before."""
    return np.concatenate([np.asarray(vector, dtype=np.float64), cheap])


def _has_image(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") in ("image_url", "input_image", "image") for part in content
    )
