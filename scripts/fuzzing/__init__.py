"""What `scripts/fuzz.py` feeds to everything public, by what is mutated."""
