"""The parts of a notebook: which headings there are, in which order, and what each part holds.

| part | heading | holds |
|---|---|---|
| title | ``# 00 · Title`` | ``> **Claim.** One sentence.``; the sentence about Colab (made by ``--normalise``) |
| | ``## What you will build`` | a picture of ``assets/figures``: ``![Sentence.](attachment:NAME.png)``, and |
| | | the same sentence in italics below it |
| | ``## Before you start`` | |
| | ``## Questions and objectives`` | a list; the words "You will be able to" |
| | ``## Set-up`` | the set-up cell, the first with code |
| sections | ``## 1 · Title`` … | in the heading's cell a line in italics: what the reader will do |
| optional | ``## Exercises``, ``## Going further``, ``## Your progress`` | after the last section |
| | ``## Your own corpus`` | |
| | ``## Key points`` | a list of three or more |
| | ``## Quiz`` | a cell with ``course.quiz()`` |
| | ``## Further reading`` | a list |
| | ``## What comes next`` | |

A heading is the first line of its cell. ``###`` is free inside a part.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode

from course_lib.workbook.toolchain.setup_cell import colab_badge, setup_cell

BUILD, OBJECTIVES, SET_UP = "What you will build", "Questions and objectives", "Set-up"
OWN_CORPUS, KEY_POINTS, QUIZ = "Your own corpus", "Key points", "Quiz"
READING, NEXT = "Further reading", "What comes next"
OPENING = (BUILD, "Before you start", OBJECTIVES, SET_UP)
OPTIONAL = ("Exercises", "Going further", "Your progress")
CLOSING = (OWN_CORPUS, KEY_POINTS, QUIZ, READING, NEXT)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,2}) (.+?)\s*$", re.MULTILINE)
_SECTION = re.compile(r"(\d+) · \S")
_CLAIM = re.compile(r"^> \*\*Claim\.\*\* (.+)$", re.MULTILINE)
_ITALIC_LINE = re.compile(r"^\*[^*\n]+\*$", re.MULTILINE)
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_BULLET = re.compile(r"^(?:[-*]|\d+\.) \S", re.MULTILINE)


@dataclass
class Part:
    """A heading, the number of the cell that it stands in, and all cells up to the next one."""

    heading: str
    position: int
    cells: list[NotebookNode] = field(default_factory=list)

    def text(self) -> str:
        """All text cells of the part."""
        return "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")

    def code(self) -> str:
        """All code cells of the part."""
        return "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "code")


def headings(cell: NotebookNode) -> list[tuple[str, str]]:
    """("#" or "##", text) of the headings in a text cell, code blocks left out."""
    if cell.cell_type != "markdown":
        return []
    return _HEADING.findall(_FENCED.sub("", cell.source))


def split_parts(notebook: NotebookNode) -> list[Part]:
    """The notebook's ``##`` parts, in order; what stands before the first one is left out."""
    parts: list[Part] = []
    for position, cell in enumerate(notebook.cells, 1):
        parts += [Part(text, position) for level, text in headings(cell) if level == "##"]
        if parts:
            parts[-1].cells.append(cell)
    return parts


def check_title(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Number and title, one sentence that is the claim, the sentence about Colab."""
    source = (
        notebook.cells[0].source
        if notebook.cells and notebook.cells[0].cell_type == "markdown"
        else ""
    )
    number = name.split("_")[0]
    if not re.match(rf"# {re.escape(number)} · \S", source):
        yield f"cell 1: begin with `# {number} · Title`"
    claims = _CLAIM.findall(source)
    if len(claims) != 1:
        yield "cell 1: state the claim once, in a line `> **Claim.** One sentence.`"
    elif not re.search(r"[.?!]$", claims[0]) or re.search(r"[.?!] +[A-Z]", claims[0]):
        yield "cell 1: the claim should be one sentence"
    if colab_badge(name) not in source.split("\n\n"):
        yield "cell 1: the sentence about Colab is missing or out of date: normalise the notebook"


def check_order(notebook: NotebookNode, name: str) -> Iterator[str]:
    """All parts, in order, the sections numbered from 1."""
    for position, cell in enumerate(notebook.cells, 1):
        found = headings(cell)
        if found and not cell.source.startswith("#") or len(found) > 1:
            yield f"cell {position}: a heading is the first line of its own cell"
        if position > 1 and any(level == "#" for level, _ in found):
            yield f"cell {position}: only the title has a single #"
    found = [part.heading for part in split_parts(notebook)]
    numbers = [int(match[1]) for heading in found if (match := _SECTION.match(heading))]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"the sections are numbered {', '.join(map(str, numbers))}: number them 1, 2, 3 …"
    wanted = [*OPENING, "sections", *CLOSING]
    kinds = ["sections" if _SECTION.match(heading) else heading for heading in found]
    once = [kind for i, kind in enumerate(kinds) if kind != "sections" or kinds[i - 1] != kind]
    seen = [kind for kind in once if kind not in OPTIONAL]
    if seen != wanted:
        yield f"the parts are {', '.join(seen)}; they should be {', '.join(wanted)}"
    elif any(
        not once.index("sections") < once.index(kind) < once.index(OWN_CORPUS)
        for kind in once
        if kind in OPTIONAL
    ):
        yield f"{', '.join(OPTIONAL)} stand between the last section and {OWN_CORPUS}"


def check_contents(notebook: NotebookNode, name: str) -> Iterator[str]:
    """What a part promises it has."""
    for part in split_parts(notebook):
        where, bullets = f"cell {part.position}", len(_BULLET.findall(part.text()))
        if _SECTION.match(part.heading) and not _ITALIC_LINE.search(part.cells[0].source):
            yield f"{where}: say below the heading, in a line in italics, what the reader will do"
        if part.heading == OBJECTIVES and not (bullets and "You will be able to" in part.text()):
            yield f"{where}: list the questions, and say what the reader will be able to do (`You will be able to …`)"
        if part.heading == KEY_POINTS and bullets < 3:
            yield f"{where}: list three key points or more"
        if part.heading == QUIZ and "course.quiz()" not in part.code():
            yield f"{where}: a cell with `course.quiz()` is missing"
        if part.heading == READING and not bullets:
            yield f"{where}: list what to read"


def check_picture(notebook: NotebookNode, name: str) -> Iterator[str]:
    """*What you will build* shows a picture; each attached picture says in a sentence what it shows."""
    for part in split_parts(notebook):
        if part.heading == BUILD and not _PICTURE.search(part.text()):
            yield f"cell {part.position}: show a picture of assets/figures: `![Sentence.](attachment:NAME.png)`"
    for position, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "markdown":
            continue
        for sentence, target in _PICTURE.findall(_FENCED.sub("", cell.source)):
            if not target.startswith("attachment:"):
                yield f"cell {position}: the picture {target} is not stored in the notebook: use `attachment:`"
            elif target.removeprefix("attachment:") not in cell.get("attachments", {}):
                yield f"cell {position}: {target} is not attached: put it into assets/figures and normalise"
            if f"*{sentence}*" not in cell.source or not re.search(r"\w \w.*[.!?]$", sentence):
                yield f"cell {position}: say in a sentence what the picture shows, as its text and in italics below it"


def check_setup_cell(notebook: NotebookNode, name: str) -> Iterator[str]:
    """The first code cell stands below its heading, and is the template."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not code or code[0].source != setup_cell(name):
        yield "the first code cell is not the set-up cell of toolchain/setup_cell.py: normalise the notebook"
    elif not any(
        part.heading == SET_UP and code[0] in part.cells for part in split_parts(notebook)
    ):
        yield f"the set-up cell does not stand below the heading {SET_UP}"
    elif "setup" not in code[0].metadata.get("tags", []):
        yield "the set-up cell needs the tag `setup`"
