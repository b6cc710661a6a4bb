"""`/providers/{name}/...`: requests handed on as they are, with keys, limits, budgets and a record."""
