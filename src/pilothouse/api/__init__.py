"""The management API under `/api`: thin routes, one file per noun, in rooms that are named like those they open."""
