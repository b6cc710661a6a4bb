"""The management API under `/api`: thin routes over the rooms, one file per noun."""
