"""Notebook 00: set-up, the corpus, and a first model that guesses the next word."""
