"""A laboratory file proposed from a sample of its deliveries: every guess is listed to be confirmed, and none is active."""
