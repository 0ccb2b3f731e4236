"""The tables of the store as SQLAlchemy sees them, and their rows as frames."""
