"""When one more sample would probably settle an open call."""
