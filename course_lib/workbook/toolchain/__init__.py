"""The maintainers' tools: execute, normalise and check notebooks, and bind them into an HTML book."""
