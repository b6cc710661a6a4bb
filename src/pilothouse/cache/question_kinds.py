"""Patterns that say what a question asks for. Knows nothing of what it is about."""

__all__ = ["KINDS", "MODALITIES", "REQUESTS", "YES_OR_NO"]

_DURATIONS = r"(?:seconds|minutes|hours|days|nights|weeks|months|years)"

KINDS = (
    (rf"\b(?:for )?how (?:long\b|much time\b|many {_DURATIONS}\b)(?! (?:a|per) )|\bduration(?: of)?\b", "duration"),
    (r"\bhow many\b|\bnumber of\b", "count"),
    (r"\bhow (?:much (?:does|do|did|is|are|will|would)|expensive)\b|\b(?:costs?|price)\b", "price"),
    (r"\bhow (?:often|frequently)\b|\bfrequency\b", "frequency"),
    (r"\bhow far\b|\bdistance\b", "distance"),
    (r"\bhow old\b|\bage of\b", "age"),
    (r"\bhow much\b|\bamount of\b", "amount"),
    (r"(?<!by )\bwhom\b", "whom"),
    (r"\b(?:who(?:m|se)?|which person)\b", "who"),
    (r"\bwhen\b|\b(?:what|which) (?:time|date|day|month|year|season)\b|\btime (?:of year )?to\b", "when"),
    (r"\bwhere\b|\bwhich place\b", "where"),
    (r"\bwhy\b|\breasons?\b|\bhow come\b|\bwhat (?:makes|causes|caused)\b|\bcauses? of\b", "why"),
    (
        r"\bhow (?:do|can|could|should|would|to|does|did|is|are|was|were|i|you|we)\b|\bways? to\b|\bsteps\b|"
        r"\b(?:what|which) way\b|\bprocedure\b|\bhow\W*$",
        "how",
    ),
    (r"\bhow (?=\w+ (?:is|are|was|were|do|does|did|can|could|should|must|will|would)\b)", "degree"),
)
"""The first that is found says what is asked for; `what` and `which` leave it open."""

YES_OR_NO = (
    r"(?:^|[.!:,]\s+|\bbut\s+)(?:can|could|may|might|must|should|is|are|am|was|were|do|does|did|has|have|will|would)\b|"
    r"\bis (?:it|that) (?:possible|ok|okay|allowed|permitted|safe|required|necessary)\b"
)

MODALITIES = (
    (r"\b(?:can|could|may|might|able|possible|allowed|permitted|permissible)\b", "may"),
    (r"\b(?:must|(?:have|has) to|needs?|needed|required|necessary|obliged|mandatory)\b", "must"),
    (r"\b(?:should|ought|better|best|recommended|advisable)\b", "should"),
)

REQUESTS = (
    r"\b(?:(?:could|can|would|will) (?:you|someone|anyone|anybody) (?:please )?"
    r"(?:tell|explain to|show|help|describe to) (?:me|us)|"
    r"do(?:es)? (?:you|anyone|anybody|someone) know|(?:please )?tell me|i(?:'d| would)? (?:want|like|need) to know|"
    r"i wonder)\b[\s:,]*(?:if|whether)?\s*"
)
"""How a question is wrapped in a request; what is asked comes after it."""
