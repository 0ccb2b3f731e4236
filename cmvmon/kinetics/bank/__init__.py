"""The bank of change-point lines: one series, result after result."""
