"""What a listener keeps before it answers: the inbox, its senders and their certificates."""
