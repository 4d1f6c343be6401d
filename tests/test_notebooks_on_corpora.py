"""Every notebook on corpora of the reader's own: small, odd, empty, missing. Profile `smoke`.

In classes, so that two processes can share the work.
"""

import random
from pathlib import Path

import nbformat
import pytest

from invariants import with_invariants

from course_lib.workbook.run import execute, find_notebooks
from tools.rules import output_text

NOTEBOOKS = find_notebooks()
every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def run(notebook: Path, corpus: Path | str) -> str:
    """Execute on ``corpus`` and return the set-up cell's output; any error fails the test."""
    environment = {"COURSE_CORPUS": str(corpus), "COURSE_PROFILE": "smoke"}
    copy = with_invariants(nbformat.read(notebook, as_version=4), notebook.stem)
    assert execute(copy, environment) == ""
    return all_text(copy)


def all_text(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(
        output_text(output) for cell in notebook.cells for output in cell.get("outputs", [])
    )


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    """What real folders contain: several encodings and scripts, broken files, thousands of tiny ones."""
    folder = tmp_path / "odd files é"
    folder.mkdir()
    german = "Die Maße der Tür müssen vor dem Einbau sorgfältig geprüft werden, sonst klemmt sie später. "
    (folder / "empty.txt").touch()
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (folder / "latin1.txt").write_bytes((german * 20).encode("latin-1"))
    (folder / "utf16.txt").write_bytes(
        ("A line of text in another encoding. " * 20).encode("utf-16")
    )
    (folder / "cjk.md").write_text("温室の土が乾いたら水をやってください。\n\n" * 30, "utf-8")
    (folder / "emoji.txt").write_text("🌱💧 water the leeks 🌞 " * 40, "utf-8")
    (folder / "hebrew.txt").write_text("השקה את הגינה בבוקר לפני השמש. " * 30, "utf-8")
    (folder / "line.txt").write_text("one very long line without a break " * 30_000, "utf-8")
    (folder / "broken.jsonl").write_text(
        '{"text": "a whole line of json"}\n{"text": \n' * 3, "utf-8"
    )
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    tiny = folder / "tiny"
    tiny.mkdir()
    rng = random.Random(0)
    for number in range(5_000):
        (tiny / f"{number}.txt").write_text(f"note {number} {rng.random()}", "utf-8")
    return folder


class TestOddFiles:
    @every_notebook
    def test_on_a_folder_of_odd_files(self, notebook: Path, odd_folder: Path) -> None:
        assert "Corpus: odd files é" in run(notebook, odd_folder)


class TestBuiltIn:
    @every_notebook
    @pytest.mark.parametrize("corpus", ["handbook", "songbook"])
    def test_on_built_in_corpora(self, notebook: Path, corpus: str) -> None:
        assert f"Corpus: {corpus}" in run(notebook, corpus)


class TestMessySongbook:
    @pytest.mark.parametrize("name", ["03_mini_transformer", "04_data_cleaning"])
    def test_on_the_messy_songbook(self, name: str) -> None:
        (notebook,) = find_notebooks([name])
        assert "Corpus: songbook-messy" in run(notebook, "songbook-messy")


class TestMegabyte:
    def test_a_transformer_on_an_own_file_of_a_megabyte(self, tmp_path: Path) -> None:
        rng, path = random.Random(0), tmp_path / "letters.txt"
        nouns, verbs = (
            ("boiler", "pump", "valve", "meter", "greenhouse"),
            ("checks", "opens", "reads", "repairs"),
        )
        sentences = (
            f"Day {rng.randrange(9_999)}: the {rng.choice(nouns)} crew {rng.choice(verbs)} the {rng.choice(nouns)}.\n\n"
            for _ in range(30_000)
        )
        path.write_text("".join(sentences), "utf-8")
        assert path.stat().st_size > 1_000_000
        (notebook,) = find_notebooks(["03_mini_transformer"])
        text = run(notebook, path)
        assert "Corpus: letters.txt" in text
        assert "handbook are added" not in text


class TestShortFile:
    @every_notebook
    def test_on_one_short_file(self, notebook: Path, tmp_path: Path) -> None:
        path = tmp_path / "short.txt"
        path.write_text(
            "The leeks in bed four want water in the morning and shade at noon. " * 16, "utf-8"
        )
        text = run(notebook, path)
        assert "Corpus: short.txt" in text
        assert "last tenth" in text and "handbook are added" in text


class TestOtherScripts:
    @every_notebook
    def test_on_chinese_japanese_and_emoji(self, notebook: Path, tmp_path: Path) -> None:
        path = tmp_path / "cjk.txt"
        lines = [
            "温室の土が乾いたら水をやってください。",
            "早上给花园浇水，下午不要。",
            "🌱💧🌞 水 🥬",
        ]
        path.write_text("\n\n".join(random.Random(0).choices(lines, k=600)), "utf-8")
        text = run(notebook, path)
        assert "Corpus: cjk.txt" in text and "Glyph" not in text


class TestEmptyFolder:
    @every_notebook
    def test_on_an_empty_folder(self, notebook: Path, tmp_path: Path) -> None:
        text = run(notebook, tmp_path)
        assert "uses python-docs" in text and tmp_path.name in text


class TestMissingPath:
    @every_notebook
    def test_on_a_path_that_does_not_exist(self, notebook: Path, tmp_path: Path) -> None:
        """The set-up cell alone: behind it everything is as with the empty folder."""
        content = nbformat.read(notebook, as_version=4)
        content.cells = [cell for cell in content.cells if "setup" in cell.metadata.get("tags", [])]
        assert content.cells
        nbformat.write(content, tmp_path / notebook.name)
        text = run(tmp_path / notebook.name, "/no/such/folder")
        assert "There is no file or folder '/no/such/folder'" in text and "uses python-docs" in text
