"""Repairs of whole documents: wrong encodings, empty documents, web pages.

ftfy (Speer 2019, "ftfy", Zenodo) undoes *mojibake*: UTF-8 that somebody read as Windows-1252 or
another old encoding, so that ’ became â€™.
"""

import os.path
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import ftfy

from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.html import main_text, strip_tags

_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)


def fix_mojibake(text: str) -> str:
    """Line by line, so that a damaged line is repaired whatever the others look like.

    >>> fix_mojibake("The river doesnâ€™t sleep")
    'The river doesn’t sleep'
    """
    lines = text.split("\n")
    return "\n".join(line if line.isascii() else ftfy.fix_encoding(line) for line in lines)


def repair_encoding(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """Mojibake undone. Reason ``mojibake``; evidence: the first change, before and after."""
    for document in documents:
        text = fix_mojibake(document.text)
        if text != document.text:
            start = max(0, len(os.path.commonprefix([document.text, text])) - 20)
            before, after = (own[start : start + 60] for own in (document.text, text))
            log.change(document, "encoding", "mojibake", before=before, after=after)
            document = replace(document, text=text)
        yield document


def drop_empty(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """Documents with at least one letter or digit. Reasons ``empty`` and ``no-letters``."""
    for document in documents:
        if re.search(r"[^\W_]", document.text):
            yield document
        else:
            log.drop(document, "empty", "no-letters" if document.text.strip() else "empty")


def extract_pages(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """Web pages as their main text; other documents as they are.

    A page has one of HTML's outer tags near its beginning. Reasons: ``main-text`` (trafilatura),
    ``tags-stripped`` where that finds nothing or the page is too large for it, each with the
    characters ``before`` and ``after``; ``no-text`` for a dropped page without any.
    """
    for document in documents:
        if not _PAGE.search(document.text, 0, 2_000):
            yield document
            continue
        text, reason = main_text(document.text), "main-text"
        if not text:
            text, reason = strip_tags(document.text), "tags-stripped"
        if text:
            log.change(document, "html", reason, before=len(document.text), after=len(text))
            yield replace(document, text=text)
        else:
            log.drop(document, "html", "no-text", before=len(document.text))
