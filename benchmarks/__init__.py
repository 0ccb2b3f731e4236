"""Benchmarks: one command per table of figures, with peers beside us in the same run. See benchmarks/README.md."""
