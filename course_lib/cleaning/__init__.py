"""Data cleaning: steps from documents to documents, with a record of what went and why."""
