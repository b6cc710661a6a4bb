"""The configuration that serves, and what another one would do: replay, diff, shadow reports."""
