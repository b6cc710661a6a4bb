"""One file per noun: its routes, over its templates."""
