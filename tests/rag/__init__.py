"""Tests of documents, corpora and answers."""
