"""A competition: teams send entries, which are judged on scenarios that nobody outside has seen.

Everything that counts is a line of one file, `receipts.jsonl`, each sealed with the hash of the line before: what was
announced, every entry, every verdict, the end. What can be read from these lines, from the entries' files and from the
scorecards is stored nowhere else.
"""
