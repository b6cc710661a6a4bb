"""Spans on their way to the database: taken from whoever recorded them, spooled, checked, written in batches."""
