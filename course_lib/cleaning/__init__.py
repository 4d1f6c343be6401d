"""Data cleaning: steps from documents to documents, each with a record of what it removed."""
