"""One straight line through results of which some are limits."""
