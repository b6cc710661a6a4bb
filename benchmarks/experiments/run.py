"""What the tests of experiments do, simulated: false decisions, power, guardrails, mismatches, adaptive weights."""

import argparse
import time

from aa import no_effect
from effects import planted
from looks import MINIMUM
from safety import breaches, mismatches, thompson

__all__: list[str] = []


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=20261128)
    parser.add_argument("--minimum", type=int, help="Units of each arm before a decision: the first table alone.")
    parser.add_argument(
        "--own", action="store_true", help="Each arm's own variance, as the product does not: the same."
    )
    options = parser.parse_args()
    if options.minimum is not None or options.own:
        no_effect(options.experiments, options.units, options.seed, options.minimum or MINIMUM, options.own)
        return
    began, many = time.monotonic(), options.experiments
    print(f"## No effect: {many} experiments of {options.units} units, a look after each\n")
    no_effect(many, options.units, options.seed)
    print(f"\n## Planted effects, {many} experiments each\n")
    planted(many, options.seed)
    print(f"\n## Guardrails, {many} experiments each\n")
    breaches(many, options.seed)
    print(f"\n## The split, {many} experiments each\n")
    mismatches(many, options.seed)
    print(f"\n## Weights that follow the results, {many // 4} experiments each\n")
    thompson(many // 4, options.seed)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
