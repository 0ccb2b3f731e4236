"""Who is on the ward's list, and what is told of each beside the alerts."""
