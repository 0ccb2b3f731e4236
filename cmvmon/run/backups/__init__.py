"""A site kept, brought back, moved, or made again from what landed."""
