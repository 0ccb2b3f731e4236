"""Alerts, and what was said at each moment, as rows that are only ever added to."""
