"""Text into numbers: Word2Vec, its count-based counterpart, search, and how to measure them."""
