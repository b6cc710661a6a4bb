"""`pilothouse init`: write a starting configuration for what is at hand."""

import asyncio

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.detect import Found, detect, known_provider
from pilothouse.errors import ConfigError
from pilothouse.snapshot import read_config

__all__ = ["init"]

_HEAD = """\
# The configuration of Pilothouse. `pilothouse check` says whether it holds; `pilothouse up` serves it.
# ${NAME} is taken from the environment, so that no secret stands here.
"""
_NOTHING = """\
# No API key and no local model server was found. Any OpenAI-compatible server fits:
#   providers:
#     pool: {kind: openai, base_url: "http://10.0.0.5:8000/v1"}
#   models:
#     smart: {deployments: [{provider: pool, model: llama-3.1-8b}]}
# Until then answers come from the built-in extractive answerer, which is no generative model.
models:
  smart: {deployments: [{provider: builtin, model: extractive}]}
"""


@click.command()
@click.option("--force", is_flag=True, help="Replace the file when there is one.")
@pass_context
def init(context: Context, force: bool) -> None:
    """Write a starting pilothouse.yaml for the keys and local servers found."""
    path = context.settings.config
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already. Use --force to replace it.")
    found = asyncio.run(detect())
    text = render(found)
    read_config(path, text)
    path.write_text(text, encoding="utf-8")
    for item in found:
        click.echo(f"{item.provider}: {item.reason}; model {item.model}")
    click.echo(f"Wrote {path}. Next: pilothouse check, then pilothouse up.")


def render(found: list[Found], model: str | None = None) -> str:
    """The YAML for these providers: the first answers as `smart`, the others are its fallbacks.

    `model` is a `provider/model` of the user's choice: the provider is then taken from the known ones.
    """
    if model is not None:
        provider, _, name = model.partition("/")
        config = known_provider(provider)
        if config is None:
            return f"rag: {{answer_model: {_scalar(model)}}}\n"
        found = [Found(provider, config, name, "asked for")]
    if not found:
        return _HEAD + _NOTHING + "rag: {answer_model: smart}\n"
    lines = [_HEAD + "providers:"]
    for item in found:
        fields = item.config.model_dump(exclude_defaults=True)
        lines.append(f"  {item.provider}: {{{', '.join(f'{k}: {_scalar(v)}' for k, v in fields.items())}}}")
    lines.append("models:")
    aliases = ["smart", *(item.provider for item in found[1:])]
    for i, (alias, item) in enumerate(zip(aliases, found, strict=True)):
        fallbacks = f", fallbacks: [{', '.join(aliases[1:])}]" if i == 0 and len(found) > 1 else ""
        lines.append(
            f"  {alias}: {{deployments: [{{provider: {item.provider}, model: {_scalar(item.model)}}}]{fallbacks}}}"
        )
    lines.append("rag: {answer_model: smart}")
    return "\n".join(lines) + "\n"


def _scalar(value: str) -> str:
    return f'"{value}"' if any(c in value for c in ":{}#$") else value
