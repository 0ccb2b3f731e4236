"""What was set apart and waits, and what persons said of it."""
