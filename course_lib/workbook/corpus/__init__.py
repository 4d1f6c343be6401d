"""Corpora: Python's documentation, the shipped texts and the reader's own, by ``load_corpus``."""

from course_lib.workbook.corpus.document import Corpus, Document, Skipped, mask_emails
from course_lib.workbook.corpus.load import BUILTIN, load_corpus

__all__ = ["BUILTIN", "Corpus", "Document", "Skipped", "load_corpus", "mask_emails"]
