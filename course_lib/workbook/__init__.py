"""The plumbing that all notebooks share: machine, corpus, seeds, training loop, figures, exercises."""
