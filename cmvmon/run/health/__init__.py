"""Whether the work runs and the feeds come."""
