"""The listener: messages and posted resources made durable, and only then acknowledged."""
