"""Sentences and tables of docs/results.md, from stored scorecards alone: no number is typed by hand."""
