"""audit_query Questions about what stands: answered from the store, and nothing is recorded."""
