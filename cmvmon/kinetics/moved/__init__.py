"""Whether the results of a laboratory moved together."""
