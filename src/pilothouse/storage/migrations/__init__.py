"""The database's history: one script per revision, in two independent lines, `control_*` and `observe_*`."""
