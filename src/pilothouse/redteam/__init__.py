"""Red team: attacks with harmless goals, played against a target, judged by exact rules, and told with intervals."""
