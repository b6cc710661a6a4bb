"""Tests mirror the rooms; `tests.console.site` is shared by the pages and the browser."""
