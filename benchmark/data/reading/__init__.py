"""Tools that sources share: tables, images, labels, words for the parts of a split."""
