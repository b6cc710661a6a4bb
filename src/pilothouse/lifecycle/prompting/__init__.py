"""What happens to prompts by itself: gates before a promotion, versions that are watched."""
