"""The corpora that ship with the course: the songbook and the handbook."""

import json
import re
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus.document import Document

FOLDER = REPOSITORY / "assets" / "corpora"
LICENCE = "CC-BY-4.0"
MESSY = FOLDER / "songbook-messy.jsonl"
_SONG_HEADER = re.compile(r"^(Title|Subject|Mood|Form): (.*)$")


def _paths(name: str, ending: str) -> list[Path]:
    paths = sorted((FOLDER / name).rglob(f"*{ending}"))
    if not paths:
        raise CourseError(
            f"The folder assets/corpora/{name} is missing or empty: this checkout is not whole. "
            "Clone the repository again, or run `git checkout -- assets`."
        )
    return paths


def songbook() -> list[Document]:
    """The songs. ``text`` is title and lyrics with their section labels, ``meta`` the rest."""
    songs = []
    for path in _paths("songbook", ".txt"):
        head, _, lyrics = path.read_text(encoding="utf-8").partition("\n\n")
        facts = {}
        for line in head.splitlines():
            match = _SONG_HEADER.match(line)
            if not match:
                raise CourseError(
                    f"{path.name} has a header line that is not understood: {line!r}."
                )
            facts[match[1].lower()] = match[2]
        text = f"{facts['title']}\n\n{lyrics.strip()}\n"
        songs.append(Document(path.stem, text, {**facts, "licence": LICENCE}))
    return songs


def songbook_messy() -> tuple[list[Document], list[dict]]:
    """The songs as they look when scraped, and the truth: a dictionary for each planted defect."""
    if not MESSY.is_file():
        raise CourseError(
            f"The file assets/corpora/{MESSY.name} is missing: this checkout is not whole. "
            "Clone the repository again, or run `git checkout -- assets`."
        )
    rows = [json.loads(line) for line in MESSY.open(encoding="utf-8")]
    pages = [Document(row["id"], row["text"], row["meta"]) for row in rows]
    return pages, [{"document": row["id"], **defect} for row in rows for defect in row["defects"]]


def handbook() -> list[Document]:
    """The pages of an invented company's handbook: Markdown, with the front matter in ``meta``."""
    pages = []
    for path in _paths("handbook", ".md"):
        _, front, text = path.read_text(encoding="utf-8").split("---\n", 2)
        facts = dict(line.split(": ", 1) for line in front.strip().splitlines())
        identity = path.relative_to(FOLDER / "handbook").with_suffix("").as_posix()
        pages.append(Document(identity, text.strip() + "\n", {**facts, "licence": LICENCE}))
    return pages


def handbook_conflicts() -> list[dict]:
    """Where pages of the handbook contradict each other: topic, pages, values, which is right."""
    path = FOLDER / "handbook" / "known-conflicts.json"
    return json.loads(path.read_text(encoding="utf-8"))
