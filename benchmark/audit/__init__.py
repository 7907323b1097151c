"""Audit of a model of one's own: can people who asked for deletion still be noticed in what the model answers?

`init` writes a folder with `audit.toml` and a Python file; `plan` says what N models can show before they are trained;
`run` trains them in child processes; `report` says the answer as HTML and PDF. The code in the folder is the user's own
and is trusted: it runs with the user's rights, without a sandbox.
"""
