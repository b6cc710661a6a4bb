"""The addresses that alerts lead to: the traces of their window, in the console. Knows nothing of pages' insides."""

from urllib.parse import urlencode

from pilothouse.alerts.rules import Rule

__all__ = ["absolute", "traces_link"]

_HOUR_US = 3_600_000_000
_PARAMETERS = {
    "model": "model", "deployment": "model", "endpoint": "endpoint", "key": "key_id", "team": "team_id",
    "feature": "feature", "environment": "environment",
}  # fmt: skip


def traces_link(rule: Rule, subject: str, now_us: int, about_us: tuple[int, int] | None = None) -> str:
    """The trace list of the rule's window (or of the time it is about) with filters, as a path of the console."""
    since, until = about_us or ((now_us // _HOUR_US - rule.hours + 1) * _HOUR_US, now_us)
    if rule.by == "guard":
        return f"/console/guards?{urlencode({'guard': subject})}"
    parameters: dict[str, str | int] = {"since_us": since, "until_us": until}
    if rule.by in _PARAMETERS:
        value = subject.rpartition(" · ")[0] if rule.measure == "score" else subject
        parameters[_PARAMETERS[rule.by]] = value
    if rule.kind == "errors":
        parameters["status"] = "error"
    if rule.kind == "latency":
        parameters["slower_us"] = round(rule.threshold)
    return f"/console/traces?{urlencode(parameters)}"


def absolute(link: str, public_url: str | None) -> str | None:
    """The whole address; None where the server does not know how browsers reach it."""
    return f"{public_url}{link}" if public_url else None
