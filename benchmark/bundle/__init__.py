"""Files to carry: the evidence of a scenario's entries, to be scored elsewhere, and reference pools, to go on with."""
