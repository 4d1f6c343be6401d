"""A song from end to end: words, tune, music and voice."""
