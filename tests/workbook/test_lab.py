"""The working copy never loses a learner's work. (test_browser.py starts JupyterLab with it.)"""

import stat
from pathlib import Path

import pytest

from course_lib import bootstrap
from course_lib.workbook import cli, lab, settings

NAME = "00_start_here.ipynb"
BESIDE = "00_start_here (updated).ipynb"


class Folders:
    """An original notebook, and a working copy, which does not exist at first."""

    def __init__(self, root: Path) -> None:
        self.originals, self.work = root / "originals", root / "work with ä blank"
        self.originals.mkdir()
        self.publish("first")

    def publish(self, text: str) -> None:
        original = self.originals / NAME
        original.unlink(missing_ok=True)
        original.write_text(text, encoding="utf-8")
        original.chmod(stat.S_IRUSR)  # a read-only checkout gives copies that can be written

    def edit(self, text: str, name: str = NAME) -> None:
        assert (self.work / name).stat().st_mode & stat.S_IWUSR
        (self.work / name).write_text(text, encoding="utf-8")

    def update(self) -> list[str]:
        return lab.update_copies(self.originals, self.work)

    def texts(self) -> dict[str, str]:
        return {path.name: path.read_text("utf-8") for path in self.work.glob("*.ipynb")}


@pytest.fixture
def folders(tmp_path) -> Folders:
    return Folders(tmp_path)


def test_an_untouched_copy_follows_the_original(folders: Folders) -> None:
    for text in ("first", "second"):
        folders.publish(text)
        assert folders.update() == folders.update() == []
        assert folders.texts() == {NAME: text}
    (folders.work / NAME).unlink()
    assert folders.update() == [] and folders.texts() == {NAME: "second"}


def test_a_learners_copy_is_kept_and_each_new_one_put_beside_it_once(folders: Folders) -> None:
    folders.update()
    folders.edit("my answers")
    assert folders.update() == []  # the original has not changed
    folders.publish("second")
    [note] = folders.update()
    assert NAME in note and BESIDE in note
    assert folders.texts() == {NAME: "my answers", BESIDE: "second"}
    (folders.work / BESIDE).unlink()
    assert folders.update() == [] and BESIDE not in folders.texts()
    folders.publish("third")
    assert len(folders.update()) == 1 and folders.texts()[BESIDE] == "third"
    folders.edit("more of my answers", BESIDE)
    folders.publish("fourth")
    assert len(folders.update()) == 1
    new = "00_start_here (updated 2).ipynb"
    assert folders.texts() == {NAME: "my answers", BESIDE: "more of my answers", new: "fourth"}


@pytest.mark.parametrize("damage", ["", "{half", "[]", '{"written": 3}'])
def test_without_its_memory_it_still_overwrites_nothing(folders: Folders, damage: str) -> None:
    folders.update()
    folders.edit("my answers")
    (folders.work / lab.ORIGINALS).write_text(damage, encoding="utf-8")
    folders.update()
    assert folders.texts()[NAME] == "my answers"


def test_the_corpus_is_kept_if_there_is_one(fresh_home, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(bootstrap, "hand_over", lambda *a: 0)
    Path(tmp_path, "my notes").mkdir()
    Path(tmp_path, "my notes", "a.txt").write_text("The lamp by the door was lit. " * 9, "utf-8")
    for given, kept in (("my notes", str(tmp_path / "my notes")), ("songbook", "songbook")):
        monkeypatch.chdir(tmp_path)
        assert cli.main(["lab", "--no-browser", "--port", "0", "--corpus", given]) == 0
        assert settings.corpus_choice() == kept
    assert cli.main(["lab", "--corpus", "/no/such/folder"]) == 2
    assert "/no/such/folder" in capsys.readouterr().err
    assert settings.corpus_choice() == "songbook"
