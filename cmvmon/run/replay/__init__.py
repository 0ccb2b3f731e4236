"""The nights judged again as they were known then, and what that comes to."""
