"""The world: files, database, locks. Nothing here knows a clinical rule, and nothing here prints."""
