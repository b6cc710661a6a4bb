"""What whoever writes an evaluator imports. The shapes lie lower, since rooms below speak of cases, too."""

from pilothouse.cases import Case, Need, Step, Verdict
from pilothouse.protocols import Evaluator, Models

__all__ = ["Case", "Evaluator", "Models", "Need", "Step", "Verdict"]
