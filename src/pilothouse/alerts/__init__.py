"""Alerts: rules over the hourly rollups, who is told, and what was told. Knows nothing of spans."""
