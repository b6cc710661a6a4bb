"""Standard benchmarks from files: questions, the prompts that ask them, and what scores the answers."""
