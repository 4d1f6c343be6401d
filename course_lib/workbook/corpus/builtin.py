"""The corpora that ship with the course: the songbook, its messy twin, and the handbook."""

import json
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus.document import Document

FOLDER = REPOSITORY / "assets" / "corpora"
LICENCE = "CC-BY-4.0"


def _files(pattern: str) -> list[Path]:
    paths = sorted(FOLDER.glob(pattern))
    if not paths:
        raise CourseError(
            f"assets/corpora/{pattern} is missing or empty: this checkout is not whole. "
            "Clone the repository again, or run `git checkout -- assets`."
        )
    return paths


def songbook() -> list[Document]:
    """The songs: ``text`` is title and lyrics with section labels, the rest is in ``meta``."""
    songs = []
    for path in _files("songbook/**/*.txt"):
        head, _, lyrics = path.read_text(encoding="utf-8").partition("\n\n")
        facts = {key.lower(): fact for key, fact in (li.split(": ", 1) for li in head.splitlines())}
        text = f"{facts['title']}\n\n{lyrics.strip()}\n"
        songs.append(Document(path.stem, text, {**facts, "licence": LICENCE}))
    return songs


def songbook_messy() -> tuple[list[Document], list[dict]]:
    """The songs as they look when scraped, and the truth: a dictionary for each planted defect."""
    [path] = _files("songbook-messy.jsonl")
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    pages = [Document(row["id"], row["text"], row["meta"]) for row in rows]
    return pages, [{"document": row["id"], **defect} for row in rows for defect in row["defects"]]


def handbook() -> list[Document]:
    """The pages of an invented company's handbook: Markdown, with the front matter in ``meta``."""
    pages = []
    for path in _files("handbook/**/*.md"):
        _, front, text = path.read_text(encoding="utf-8").split("---\n", 2)
        facts = dict(line.split(": ", 1) for line in front.strip().splitlines())
        identity = path.relative_to(FOLDER / "handbook").with_suffix("").as_posix()
        pages.append(Document(identity, text.strip() + "\n", {**facts, "licence": LICENCE}))
    return pages


def handbook_conflicts() -> list[dict]:
    """Where pages of the handbook contradict each other: topic, pages, values, which is right."""
    [path] = _files("handbook/known-conflicts.json")
    return json.loads(path.read_text(encoding="utf-8"))
