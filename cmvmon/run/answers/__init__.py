"""What persons say: of alerts, of records that wait, of rules. Each is one stored event."""
