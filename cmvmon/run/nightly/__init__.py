"""A night: take in, assess everybody, publish; the pages again; and the alert about a night that did not run."""
