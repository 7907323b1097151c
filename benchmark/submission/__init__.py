"""Submissions are strangers (law 3): their code runs in worker processes, and only weights come back."""
