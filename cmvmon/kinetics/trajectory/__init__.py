"""The load over time as the bank estimates it: drawn for a page, and learned from."""
