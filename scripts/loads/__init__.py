"""Boards and pools far larger than any that ships, for `scripts/measure_load.py`."""
