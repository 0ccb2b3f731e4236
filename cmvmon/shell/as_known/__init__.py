"""What was known at a moment, read from what is stored."""
