"""What the tests of experiments do, simulated: false decisions, power, mismatches, breaches, adaptive allocation."""

import argparse
import time

from aa import no_effect

__all__: list[str] = []


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=20261128)
    options = parser.parse_args()
    began = time.monotonic()
    no_effect(options.experiments, options.units, options.seed)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
