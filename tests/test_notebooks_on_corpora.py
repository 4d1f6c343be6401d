"""Every notebook on a corpus of the reader's own, with its invariants. Profile ``smoke``.

All pairs would take most of the time of all tests. So a notebook's place in the course picks one
of the seven corpora: each has two notebooks. ``test --thorough`` runs all pairs.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from _pytest.mark import ParameterSet
from invariants import with_invariants

from course_lib.workbook.run import execute, find_notebooks
from tools.rules import output_text


def odd_files(folder: Path) -> Path:
    """What real folders contain: encodings, scripts, broken files, thousands of tiny ones."""
    folder = folder / "odd files é"
    (folder / "tiny").mkdir(parents=True)
    german = "Die Maße der Tür müssen vor dem Einbau sorgfältig geprüft werden, sonst klemmt sie. "
    contents = {
        "empty.txt": b"",
        "binary.txt": bytes(range(256)) * 20,
        "latin1.txt": (german * 20).encode("latin-1"),
        "utf16.txt": ("A line of text in another encoding. " * 20).encode("utf-16"),
        "cjk.md": ("温室の土が乾いたら水をやってください。\n\n" * 30).encode(),
        "emoji.txt": ("🌱💧 water the leeks 🌞 " * 40).encode(),
        "hebrew.txt": ("השקה את הגינה בבוקר לפני השמש. " * 30).encode(),
        "line.txt": b"one very long line without a break " * 30_000,
        "broken.jsonl": b'{"text": "a whole line of json"}\n{"text": \n' * 3,
        "broken.pdf": b"%PDF-1.4 nothing more",
        **{f"tiny/{n}.txt": b"note %d %f" % (n, random.Random(n).random()) for n in range(5_000)},
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def short_file(folder: Path) -> Path:
    text = "The leeks in bed four want water in the morning, shade at noon. "
    (folder / "short.txt").write_text(text * 16, "utf-8")
    return folder / "short.txt"


def other_scripts(folder: Path) -> Path:
    lines = ["温室の土が乾いたら水をやってください。", "早上给花园浇水，下午不要。", "🌱💧🌞 水 🥬"]
    text = "\n\n".join(random.Random(0).choices(lines, k=600))
    (folder / "cjk.txt").write_text(text, "utf-8")
    return folder / "cjk.txt"


def empty_folder(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


def megabyte(folder: Path) -> Path:
    rng, path = random.Random(0), folder / "letters.txt"
    nouns, verbs = ("boiler", "pump", "valve", "greenhouse"), ("checks", "opens", "repairs")
    texts = (
        f"Day {rng.randrange(9_999)}: the {rng.choice(nouns)} crew {rng.choice(verbs)} the valve."
        for _ in range(26_000)
    )
    path.write_text("\n\n".join(texts), "utf-8")
    return path


# Name → what makes it, what the outputs say, what they do not say.
CORPORA: dict[str, tuple[Callable[[Path], Path | str], str, str]] = {
    "handbook": (lambda _: "handbook", "Corpus: handbook", "Glyph"),
    "songbook-messy": (lambda _: "songbook-messy", "Corpus: songbook-messy", "Glyph"),
    "odd files": (odd_files, "Corpus: odd files é", "Glyph"),
    "short file": (short_file, "handbook are added", "Glyph"),
    "other scripts": (other_scripts, "Corpus: cjk.txt", "Glyph"),
    "empty folder": (empty_folder, "uses python-docs", "added to it here"),
    "megabyte": (megabyte, "Corpus: letters.txt", "added to it here"),
}


def pairs() -> Iterator[ParameterSet]:
    """Each notebook with each corpus; ``thorough`` where it is none of its own."""
    for place, notebook in enumerate(find_notebooks()):
        for number, name in enumerate(CORPORA):
            own = number == 2 * place % len(CORPORA)
            marks = [] if own else [pytest.mark.thorough]
            yield pytest.param(notebook, name, marks=marks, id=f"{notebook.stem}-{name}")


@pytest.mark.parametrize(("notebook", "name"), pairs())
def test_it_runs_to_its_end(notebook: Path, name: str, tmp_path) -> None:
    make, said, unsaid = CORPORA[name]
    copy = with_invariants(nbformat.read(notebook, as_version=4), notebook.stem)
    environment = {"COURSE_CORPUS": str(make(tmp_path)), "COURSE_PROFILE": "smoke"}
    assert execute(copy, environment) == ""
    text = "\n".join(output_text(o) for cell in copy.cells for o in cell.get("outputs", []))
    assert said in text and unsaid not in text
