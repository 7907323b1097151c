"""`python -m benchmark.cli`: the command `bench`."""

from benchmark.cli import main

main()
