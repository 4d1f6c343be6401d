"""Alignment: instructions, comparisons, a reward model, the loop, and truth beside each number."""
