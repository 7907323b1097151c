"""Where untrusted code runs, and what passes in and out."""
