"""Prompts as programs: examples, grammars, typed calls, retrieval, and search among prompts."""
