"""What an entry is: its files, its template, its import from a notebook."""
