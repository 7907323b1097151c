"""The sandbox for untrusted code, and the messages and weights that pass in and out of it."""
