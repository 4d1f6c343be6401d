"""Sixty years of predicting what comes next: ELIZA, n-grams, recurrent networks, a transformer."""
