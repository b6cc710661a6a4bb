"""CPU time of guardrails-ai on texts from standard input, separated by NUL: two validators, which are a regular
expression each, since its own come from a hub. Run by latency.py, in an environment of its own."""

import os
import re
import sys
import time
import warnings

warnings.simplefilter("ignore")
os.environ["OTEL_SDK_DISABLED"] = "true"  # it would tell its makers of each use


def main() -> None:
    try:
        from guardrails import Guard
        from guardrails.validators import FailResult, PassResult, Validator, register_validator
    except ImportError as error:
        print(f"guardrails-ai: not timed ({error})")
        return

    @register_validator(name="bench/no-words", data_type="string")
    class NoWords(Validator):
        def _validate(self, value, metadata):
            return FailResult(error_message="found") if re.search(r"\b(?:acme|globex)\b", value) else PassResult()

    @register_validator(name="bench/no-override", data_type="string")
    class NoOverride(Validator):
        def _validate(self, value, metadata):
            found = re.search(r"ignore (?:all )?previous instructions", value)
            return FailResult(error_message="found") if found else PassResult()

    texts = sys.stdin.read().split("\0")
    guard = Guard().use(NoWords()).use(NoOverride()) if hasattr(Guard(), "use") else Guard()
    best = 1e9
    for _ in range(5):
        start = time.process_time()
        for text in texts:
            guard.validate(text)
        best = min(best, (time.process_time() - start) / len(texts) * 1000)
    print(f"{'guardrails-ai, two regular expressions':30}{best:12.3f}")


if __name__ == "__main__":
    main()
