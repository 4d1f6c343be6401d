"""Notebook 06: from a model that completes to one that answers."""
