"""A simulated hospital played live: what it sends, and what becomes of it."""
