"""Deliveries as they are stored: told apart, appended, listed."""
