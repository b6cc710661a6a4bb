"""Who makes a model, by its name. A judge may favour answers of its own kind, and kinds go by their maker."""

import re

__all__ = ["maker"]

_MAKERS = {
    "cerebras": ("cerebras",),
    "eleutherai": ("pythia",),
    "openai": ("gpt", "chatgpt", "davinci", "text-davinci", "o1", "o3", "o4"),
    "anthropic": ("claude",),
    "google": ("gemini", "gemma", "palm", "bison"),
    "meta": ("llama", "codellama"),
    "mistral": ("mistral", "mixtral", "ministral", "magistral", "codestral", "pixtral"),
    "alibaba": ("qwen", "qwq"),
    "deepseek": ("deepseek",),
    "cohere": ("command", "aya"),
    "amazon": ("nova", "titan"),
    "xai": ("grok",),
    "microsoft": ("phi", "wizardlm"),
}
_BEGIN = re.compile("|".join(rf"(?P<{name}>(?:{'|'.join(begin)})(?![a-z]))" for name, begin in _MAKERS.items()))
_PART = re.compile(r"[a-z]{2,}")


def maker(model: str) -> str:
    """The maker of a model such as `openai/gpt-4o`, `us.anthropic.claude-3-haiku` or `meta-llama/Llama-3-8B`. Where the
    name is not known, its first word, so that models of one name are of one kind. Empty for no name, and for several
    models, as of a jury or an alias (`default (openai/gpt-4o, cohere/command)`), of several makers."""
    found = {_maker(part) for part in model.split(", ")}
    return found.pop() if len(found) == 1 else ""


def _maker(model: str) -> str:
    name = model.lower().rpartition("/")[2]
    for part in re.split(r"[^a-z0-9]+", name):
        if known := _BEGIN.match(part):
            return str(known.lastgroup)
    word = _PART.search(name)
    return word[0] if word else name
