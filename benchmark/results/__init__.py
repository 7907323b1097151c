"""Records of what was found, as they lie on the disk: no torch."""
