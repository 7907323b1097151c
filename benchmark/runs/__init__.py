"""The runs of an entry: their workers, their timing, what was noticed beside them."""
