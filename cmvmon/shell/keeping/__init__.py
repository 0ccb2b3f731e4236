"""A store kept, copied, and held against another."""
