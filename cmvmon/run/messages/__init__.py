"""Telling people and other programs: queued in the outbox, sent until taken."""
