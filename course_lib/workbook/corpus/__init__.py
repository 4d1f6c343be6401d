"""Corpora: one ``load_corpus`` for Python's documentation, shipped texts and the reader's own."""

from course_lib.workbook.corpus.document import Corpus, Document, Skipped, mask_emails
from course_lib.workbook.corpus.load import BUILTIN, load_corpus

__all__ = ["BUILTIN", "Corpus", "Document", "Skipped", "load_corpus", "mask_emails"]
