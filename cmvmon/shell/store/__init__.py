"""The database, and a session on it."""
