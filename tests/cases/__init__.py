"""Cases with a known right answer that the project's own simulator did not make."""
