"""Treatment courses and the response clocks that they start."""
