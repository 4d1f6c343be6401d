"""The plumbing that all notebooks share: machine, corpus, training, figures, exercises."""
