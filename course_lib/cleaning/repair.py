"""Repairs that change characters, not documents: wrong encodings, entities, odd characters, blanks.

Each repair that changes a document is logged with its reason code and the first place that it
changed, before and after. ftfy (Speer 2019, "ftfy", Zenodo) undoes *mojibake*: UTF-8 that somebody
read as Windows-1252 or another old encoding, so that ’ became â€™.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import ftfy
import ftfy.fixes

from course_lib.cleaning.log import RemovalLog
from course_lib.workbook.corpus import Document

_ONLY_ENCODING = ftfy.TextFixerConfig(
    unescape_html=False,
    remove_terminal_escapes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    fix_surrogates=False,
    remove_control_chars=False,
    normalization=None,
    explain=False,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROL = re.compile("\x1b\\[[0-9;]{0,20}[A-Za-z]|[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_INNER_BLANKS = re.compile(r"[^\S\n]+")
_MARKS = 30  # combining marks on one letter: the limit of Unicode Standard Annex 15, "Stream-Safe Text Format"
_EXCERPT = 60  # characters of evidence
Repair = Callable[[str], str]


def fix_mojibake(text: str) -> str:
    """Line by line, so that a damaged line is repaired whatever the others look like.

    >>> fix_mojibake("The river doesnâ€™t sleep")
    'The river doesn’t sleep'
    """
    if text.isascii():
        return text
    lines = text.split("\n")
    return "\n".join(
        line if line.isascii() else ftfy.fix_text(line, _ONLY_ENCODING) for line in lines
    )


def unescape(text: str) -> str:
    """HTML entities as characters, in lines that hold no tag: where there is one, ``&lt;`` may be meant.

    >>> unescape("salt &amp; pepper")
    'salt & pepper'
    """
    if "&" not in text:
        return text
    return "\n".join(
        line if "<" in line else ftfy.fixes.unescape_html(line) for line in text.split("\n")
    )


def join_surrogates(text: str) -> str:
    """Pairs of surrogates as the character that they stand for, lone ones as U+FFFD."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def unify_line_ends(text: str) -> str:
    """Every kind of line end, form feeds too, as ``\\n``."""
    return _LINE_END.sub("\n", text)


def remove_controls(text: str) -> str:
    """Without NUL bytes, other control characters but tabs and line ends, terminal colours, byte order marks."""
    return _CONTROL.sub("", text)


def compose(text: str) -> str:
    """Unicode's form NFC: é as one character, not as e with an accent behind it.

    More than 30 combining marks in a row are cut: normalising takes time that grows with the
    square of such a run, and no language writes them.
    """
    if text.isascii():
        return text
    if len(text) > _MARKS:
        text = _cut_marks(text)
    return unicodedata.normalize("NFC", text)


def _cut_marks(text: str) -> str:
    import regex  # knows Unicode's categories; the standard library's re does not

    return regex.sub(rf"(\p{{M}}{{{_MARKS}}})\p{{M}}++", r"\1", text)


def unify_blanks(text: str) -> str:
    """One blank between words, none at a line's end, at most one blank line; indentation stays (code needs it)."""
    lines = []
    for line in text.split("\n"):
        bare = line.strip()
        indent = line[: len(line) - len(line.lstrip())] if bare else ""
        lines.append(indent + _INNER_BLANKS.sub(" ", bare))
    return re.sub("\n{3,}", "\n\n", "\n".join(lines))


def repair_encoding(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """Mojibake undone. Reason ``mojibake``; evidence: see ``_repaired``."""
    return _repaired(documents, log, "encoding", {"mojibake": fix_mojibake})


def unescape_entities(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """HTML entities as characters. Reason ``entities``."""
    return _repaired(documents, log, "entities", {"entities": unescape})


def normalise(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """One way to write the same text.

    Reasons ``surrogates``, ``line-ends``, ``control-characters``, ``unicode-form``, ``blanks``.
    """
    repairs = {
        "surrogates": join_surrogates,
        "line-ends": unify_line_ends,
        "control-characters": remove_controls,
        "unicode-form": compose,
        "blanks": unify_blanks,
    }
    return _repaired(documents, log, "normalise", repairs)


def drop_empty(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """Documents with at least one letter or digit. Reasons ``empty`` and ``no-letters``."""
    for document in documents:
        if re.search(r"[^\W_]", document.text):
            yield document
        else:
            log.drop(document, "empty", "no-letters" if document.text.strip() else "empty")


def _repaired(
    documents: Iterable[Document], log: RemovalLog, step: str, repairs: dict[str, Repair]
) -> Iterator[Document]:
    """All documents after the repairs.

    Evidence: ``before`` and ``after`` at the first place that changed, ``shorter`` by how many characters.
    """
    for document in documents:
        text = document.text
        for reason, repair in repairs.items():
            repaired = repair(text)
            if repaired != text:
                before, after = _first_change(text, repaired)
                log.change(
                    document,
                    step,
                    reason,
                    before=before,
                    after=after,
                    shorter=len(text) - len(repaired),
                )
                text = repaired
        yield document if text is document.text else replace(document, text=text)


def _first_change(old: str, new: str) -> tuple[str, str]:
    """Both texts around the first difference, found by halving."""
    same, different = 0, min(len(old), len(new)) + 1
    while different - same > 1:
        middle = (same + different) // 2
        if old[same:middle] == new[same:middle]:
            same = middle
        else:
            different = middle
    start = max(0, same - 20)
    return old[start : start + _EXCERPT], new[start : start + _EXCERPT]
