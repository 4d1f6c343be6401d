"""Attacks on our own assistants, defences, and what they cost."""
