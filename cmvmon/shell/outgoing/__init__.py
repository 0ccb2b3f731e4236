"""What leaves the house: the outbox, and one message sent on one channel."""
