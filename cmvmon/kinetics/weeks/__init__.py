"""The table `weekly_decline`: treatment weeks, their spans, statuses and calls."""
