"""A site opened for work: its clock, its lock, and the look for damage."""
