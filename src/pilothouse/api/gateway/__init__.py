"""What serves calls, seen from beside them: where a call would go, how deployments are, what caches hold."""
