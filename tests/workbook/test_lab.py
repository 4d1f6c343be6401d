"""The working copy never loses a learner's work; JupyterLab starts with the course's settings."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import cli, lab, settings

NAME = "00_start_here.ipynb"
BESIDE = "00_start_here (updated).ipynb"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The originals (two notebooks) and a working copy that does not exist yet."""
    originals, work = tmp_path / "originals", tmp_path / "work with ä blank"
    originals.mkdir()
    (originals / NAME).write_text("first", encoding="utf-8")
    (originals / "01_history.ipynb").write_text("history", encoding="utf-8")
    return originals, work


def texts(work: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(work.glob("*.ipynb"))}


def test_notebooks_are_copied_once(folders: tuple[Path, Path]) -> None:
    originals, work = folders
    assert lab.update_copies(originals, work) == []
    assert texts(work) == {NAME: "first", "01_history.ipynb": "history"}
    assert lab.update_copies(originals, work) == []
    assert {path.name for path in work.iterdir()} == {NAME, "01_history.ipynb", lab.ORIGINALS}


def test_an_untouched_copy_follows_the_original(folders: tuple[Path, Path]) -> None:
    originals, work = folders
    lab.update_copies(originals, work)
    (originals / NAME).write_text("second", encoding="utf-8")
    assert lab.update_copies(originals, work) == []
    assert texts(work)[NAME] == "second" and BESIDE not in texts(work)


def test_a_learners_copy_is_kept_and_the_new_one_put_beside_it_once(
    folders: tuple[Path, Path],
) -> None:
    originals, work = folders
    lab.update_copies(originals, work)
    (work / NAME).write_text("my answers", encoding="utf-8")
    assert lab.update_copies(originals, work) == []  # the original has not changed
    (originals / NAME).write_text("second", encoding="utf-8")
    notes = lab.update_copies(originals, work)
    assert len(notes) == 1 and NAME in notes[0] and BESIDE in notes[0]
    assert texts(work)[NAME] == "my answers" and texts(work)[BESIDE] == "second"
    assert lab.update_copies(originals, work) == []
    (work / BESIDE).unlink()
    assert lab.update_copies(originals, work) == [] and BESIDE not in texts(work)


def test_a_third_version_replaces_the_second_or_stands_beside_it(
    folders: tuple[Path, Path],
) -> None:
    originals, work = folders
    lab.update_copies(originals, work)
    (work / NAME).write_text("my answers", encoding="utf-8")
    (originals / NAME).write_text("second", encoding="utf-8")
    lab.update_copies(originals, work)
    (originals / NAME).write_text("third", encoding="utf-8")
    assert len(lab.update_copies(originals, work)) == 1
    assert texts(work)[BESIDE] == "third"
    (work / BESIDE).write_text("more of my answers", encoding="utf-8")
    (originals / NAME).write_text("fourth", encoding="utf-8")
    lab.update_copies(originals, work)
    found = texts(work)
    assert found[NAME] == "my answers" and found[BESIDE] == "more of my answers"
    assert found["00_start_here (updated 2).ipynb"] == "fourth"


def test_a_deleted_copy_comes_back(folders: tuple[Path, Path]) -> None:
    originals, work = folders
    lab.update_copies(originals, work)
    (work / NAME).unlink()
    assert lab.update_copies(originals, work) == []
    assert texts(work)[NAME] == "first"


@pytest.mark.parametrize("damage", ["", "{half", "[]", '{"written": 3, "offered": null}'])
def test_without_its_memory_it_still_overwrites_nothing(
    folders: tuple[Path, Path], damage: str
) -> None:
    originals, work = folders
    lab.update_copies(originals, work)
    (work / NAME).write_text("my answers", encoding="utf-8")
    (work / lab.ORIGINALS).write_text(damage, encoding="utf-8")
    lab.update_copies(originals, work)
    assert texts(work)[NAME] == "my answers"


def test_a_read_only_checkout_gives_copies_that_can_be_written(folders: tuple[Path, Path]) -> None:
    originals, work = folders
    (originals / NAME).chmod(stat.S_IRUSR)
    originals.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        lab.update_copies(originals, work)
    finally:
        originals.chmod(0o755)
    assert (work / NAME).stat().st_mode & stat.S_IWUSR


def test_a_folder_that_cannot_be_made_is_one_sentence(folders: tuple[Path, Path]) -> None:
    originals, work = folders
    work.write_text("a file in the way", encoding="utf-8")
    with pytest.raises(CourseError, match="COURSE_HOME"):
        lab.update_copies(originals, work)


def test_ports(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CourseError, match=f"Port {port} is taken"):
            lab.free_port("127.0.0.1", port)
    assert lab.free_port("127.0.0.1", 0) > 0
    with pytest.raises(CourseError, match="no port"):
        lab.free_port("127.0.0.1", 70_000)
    with pytest.raises(CourseError, match="no address of this computer"):
        lab.free_port("192.0.2.1", 0)


def test_the_default_port_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "_bind", lambda ip, port: 0 if port < lab.DEFAULT_PORT + 2 else port)
    assert lab.free_port("127.0.0.1", lab.DEFAULT_PORT) == lab.DEFAULT_PORT + 2


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX")
@pytest.mark.parametrize(("user", "expected"), [(0, True), (1000, False)])
def test_only_root_needs_to_allow_root(
    monkeypatch: pytest.MonkeyPatch, user: int, expected: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    arguments = lab.server_arguments(Path("w"), 1, "127.0.0.1", browser=False)
    assert ("--allow-root" in arguments) == expected


def test_without_a_screen_no_browser_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert not lab.has_display()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert lab.has_display()
    monkeypatch.delenv("WAYLAND_DISPLAY")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert lab.has_display()


def test_the_corpus_is_kept(
    fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(lab, "hand_over", lambda *a: started.append(a) or 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my notes").mkdir()
    assert cli.main(["lab", "--no-browser", "--port", "0", "--corpus", "my notes"]) == 0
    assert settings.corpus_choice() == str(tmp_path / "my notes")
    assert cli.main(["lab", "--no-browser", "--port", "0", "--corpus", "songbook"]) == 0
    assert settings.corpus_choice() == "songbook" and len(started) == 2


def test_a_corpus_that_does_not_exist_is_refused(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(lab, "hand_over", lambda *a: pytest.fail("it was started"))
    assert cli.main(["lab", "--corpus", "/no/such/folder"]) == 2
    assert "There is no file or folder '/no/such/folder'" in capsys.readouterr().err
    assert settings.corpus_choice() == settings.DEFAULT_CORPUS


def test_settings_of_jupyterlab() -> None:
    """Keys that JupyterLab does not know would be ignored in silence: its schemas must have them."""
    folder = Path(lab.__file__).parent / "labconfig"
    overrides = json.loads((folder / "default_setting_overrides.json").read_text(encoding="utf-8"))
    schemas = next(Path(sys.prefix).glob("share/jupyter/lab/schemas"))
    for plugin, values in overrides.items():
        extension, name = plugin.split(":")
        schema = json.loads((schemas / extension / f"{name}.json").read_text(encoding="utf-8"))
        assert set(values) <= set(schema["properties"]), plugin
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_jupyterlab_really_starts(fresh_home: Path, tmp_path: Path) -> None:
    """In a home with a blank and an accent: the address is printed, the settings are the course's."""
    home = tmp_path / "home with ä blank"
    environment = {
        **os.environ,
        "COURSE_HOME": str(home),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
    }
    command = [
        sys.executable,
        "-m",
        "course_lib.workbook.cli",
        "lab",
        "--no-browser",
        "--port",
        "0",
    ]
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=places.REPOSITORY, env=environment, stdout=stream, stderr=stream
        )
    try:
        address = None
        while address is None and process.poll() is None:
            address = re.search(
                r"http://127\.0\.0\.1:\d+(/lab/tree/\S+)\?token=(\w+)", log.read_text("utf-8")
            )
            time.sleep(0.05)
        assert address, log.read_text("utf-8")
        assert address[1] == f"/lab/tree/{lab.FIRST}"
        base, token = address[0].split("/lab")[0], address[2]

        def get(path: str) -> dict:
            with urllib.request.urlopen(f"{base}{path}?token={token}", timeout=60) as reply:
                return json.load(reply)

        notification = get("/lab/api/settings/@jupyterlab/apputils-extension:notification")
        assert notification["schema"]["properties"]["fetchNews"]["default"] == "false"
        names = {entry["name"] for entry in get("/api/contents")["content"]}
        assert names == {path.name for path in lab.NOTEBOOKS.glob("*.ipynb")}
    finally:
        process.terminate()
        process.wait(30)
