"""Feeds: bytes and text in, rows out. No file, no clock and no network here: whoever calls brings the bytes."""
