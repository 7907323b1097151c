"""Submissions: their files, the template, the import from a notebook."""
