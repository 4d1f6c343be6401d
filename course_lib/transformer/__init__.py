"""Tokens, attention, and the blocks of GPT-2 and Falcon, equal to the real ones."""
