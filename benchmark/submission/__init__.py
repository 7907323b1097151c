"""Submissions are strangers: their code runs in worker processes, and only weights come back."""
