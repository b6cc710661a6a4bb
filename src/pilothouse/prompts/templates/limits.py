"""What a template may cost. A step is a node of the template evaluated, an item handled or 256 characters made."""

__all__ = [
    "CHARS_A_STEP", "MAX_DEPTH", "MAX_INCLUDES", "MAX_INCLUDE_DEPTH", "MAX_NODES", "MAX_OUTPUT", "MAX_STEPS",
    "MAX_TEMPLATE", "MAX_TOKENS", "MAX_VALUE_DEPTH", "MAX_VARIABLES", "MAX_VARIABLES_BYTES",
]  # fmt: skip

MAX_TEMPLATE = 256 * 1024
"""Bytes of UTF-8 of all texts of a template together."""
MAX_TOKENS = 50_000
"""Words and signs inside the tags of a template."""
MAX_NODES = 20_000
"""Expressions and statements of a template."""
MAX_DEPTH = 100
"""Levels of expressions and statements inside each other."""
MAX_VARIABLES = 1_000
MAX_VARIABLES_BYTES = 1024 * 1024
"""Bytes of UTF-8 of all texts in the variables of a render together, plus one for each value."""
MAX_VALUE_DEPTH = 64
"""Lists and objects inside each other in a variable."""
MAX_STEPS = 100_000
MAX_OUTPUT = 4 * 1024 * 1024
"""Characters of what is rendered, and of any text made on the way."""
MAX_INCLUDE_DEPTH = 8
MAX_INCLUDES = 64
"""Different prompts that one includes, at any depth."""
CHARS_A_STEP = 256
