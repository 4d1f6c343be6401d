"""Repairs that change characters, not documents: wrong encodings, odd characters, blanks, HTML.

Each repair that changes a document is logged with its reason code and the first place that it
changed. ftfy (Speer 2019, "ftfy", Zenodo) undoes *mojibake*: UTF-8 that somebody read as
Windows-1252 or another old encoding, so that ’ became â€™.
"""

import os.path
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import ftfy
import regex  # knows Unicode's categories; the standard library's re does not

from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.html import main_text, strip_tags

_NORMAL_FORM = ftfy.TextFixerConfig(
    unescape_html=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_encoding=False,
)
_OTHER_LINE_ENDS = re.compile("[\x0b\x0c\x85]")
_INNER_BLANKS = re.compile(r"[^\S\n]+")
_MANY_MARKS = regex.compile(r"(\p{M}{30})\p{M}++")
_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
_EXCERPT = 60  # characters of evidence


def fix_mojibake(text: str) -> str:
    """Line by line, so that a damaged line is repaired whatever the others look like.

    >>> fix_mojibake("The river doesnâ€™t sleep")
    'The river doesn’t sleep'
    """
    lines = text.split("\n")
    return "\n".join(line if line.isascii() else ftfy.fix_encoding(line) for line in lines)


def fix_characters(text: str) -> str:
    """One kind of line end, no control characters, surrogates joined, accents composed (NFC).

    More than 30 combining marks in a row are cut (the limit of Unicode Standard Annex 15): no
    language writes them, and normalising takes time that grows with their square.
    """
    text = _OTHER_LINE_ENDS.sub("\n", _MANY_MARKS.sub(r"\1", text))
    return ftfy.fix_text(text, _NORMAL_FORM)


def unify_blanks(text: str) -> str:
    """One blank between words, none at a line's end, at most one blank line; indentation stays."""
    lines = []
    for line in text.split("\n"):
        bare = line.strip()
        indent = line[: len(line) - len(line.lstrip())] if bare else ""
        lines.append(indent + _INNER_BLANKS.sub(" ", bare))
    return re.sub("\n{3,}", "\n\n", "\n".join(lines))


def repair_encoding(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """Mojibake undone. Reason ``mojibake``; evidence: see ``_repaired``."""
    return _repaired(documents, log, "encoding", {"mojibake": fix_mojibake})


def normalise(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """One way to write the same text. Reasons ``characters`` and ``blanks``."""
    repairs = {"characters": fix_characters, "blanks": unify_blanks}
    return _repaired(documents, log, "normalise", repairs)


def _repaired(
    documents: Iterable[Document],
    log: RemovalLog,
    step: str,
    repairs: dict[str, Callable[[str], str]],
) -> Iterator[Document]:
    """Evidence: the first change, ``before`` and ``after``; how much ``shorter`` the text is."""
    for document in documents:
        text = document.text
        for reason, repair in repairs.items():
            repaired = repair(text)
            if repaired != text:
                start = max(0, len(os.path.commonprefix([text, repaired])) - 20)
                before, after = (own[start : start + _EXCERPT] for own in (text, repaired))
                shorter = len(text) - len(repaired)
                log.change(document, step, reason, before=before, after=after, shorter=shorter)
                text = repaired
        yield document if text is document.text else replace(document, text=text)


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
