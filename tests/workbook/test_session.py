"""The one set-up call, and what it asks: settings, files written whole, threads."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

import course_lib
from course_lib.errors import CourseError
from course_lib.workbook import machine, session, settings
from course_lib.workbook.corpus import load_corpus


def test_pick_follows_the_profile(monkeypatch) -> None:
    picks = {}
    for profile in settings.PROFILES:
        monkeypatch.setenv("COURSE_PROFILE", profile)
        course = course_lib.start("00_start_here")
        picks[profile] = (course.pick(cpu=60, gpu=300), course.pick(cpu=1), course.pick(cpu="a"))
    assert picks == {"cpu": (60, 1, "a"), "gpu": (300, 1, "a"), "smoke": (5, 1, "a")}
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    with pytest.raises(CourseError, match="must be one of cpu, gpu, smoke"):
        course_lib.start("00_start_here")


def test_seed_covers_python_numpy_and_torch() -> None:
    course, drawn = course_lib.start("00_start_here"), []
    for seed in (5, 6, 5):
        course.seed(seed)
        drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert drawn[0] == drawn[2] and not {*drawn[0]} & {*drawn[1]}


def test_a_choice_is_kept_and_a_bad_one_changes_nothing(fresh_home, monkeypatch) -> None:
    course = course_lib.start("00_start_here")
    course.choose("handbook")
    with pytest.raises(CourseError):
        course.choose("/no/such/folder")
    assert course.corpus.name == settings.corpus_choice() == "handbook"
    assert course_lib.start("01_history").corpus.name == "handbook"
    monkeypatch.setenv("COURSE_CORPUS", "/no/such/folder")  # a sentence, and it goes on
    course = course_lib.start("00_start_here")
    assert course.corpus.name == "python-docs (small)"
    assert any("/no/such/folder" in note and "uses python-docs" in note for note in course.notes)


def test_a_small_corpus_is_topped_up_and_says_so(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "note.txt").write_text("A short note about the greenhouse. " * 10, "utf-8")
    monkeypatch.setenv("COURSE_CORPUS", str(tmp_path))
    course = course_lib.start("00_start_here")
    corpus = course.corpus_of(words=5_000, purpose="counting trigrams")
    printed = capsys.readouterr().out
    assert "60 words" in printed and "5,000" in printed and "pages of the built-in hand" in printed
    assert corpus.words > 5_000 and corpus[0].id.startswith("note.txt")
    assert course.corpus_of(words=10, purpose="nothing") is course.corpus
    monkeypatch.setenv("COURSE_CORPUS", "handbook")  # not with itself
    corpus = course_lib.start("00_start_here").corpus_of(words=20_000, purpose="vectors")
    assert corpus.words > 20_000 and len(set(corpus.texts())) == len(corpus)
    assert "songs of the built-in songbook are added" in capsys.readouterr().out


def test_much_text_is_taken_from_the_full_size_and_bounded(monkeypatch) -> None:
    course, asked, songbook = course_lib.start("02_word2vec"), [], load_corpus("songbook")
    monkeypatch.setattr(session, "load_corpus", lambda source: asked.append(source) or songbook)
    assert course.large_corpus(1_000_000, words=1_000, purpose="nothing").bytes <= 1_000_000
    assert not asked
    assert course.large_corpus(10_000_000, words=1_000, purpose="nothing") is songbook
    assert asked == ["python-docs:full"]


def test_settings_that_are_damaged_or_cannot_be_written(fresh_home, request) -> None:
    for text in ("", "{", "[1]"):
        settings.settings_file().write_text(text, "utf-8")
        assert settings.corpus_choice() == "python-docs"
    request.getfixturevalue("full_disk")
    with pytest.raises(CourseError, match="No space left on device"):
        settings.save_corpus_choice("handbook")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path, error: type) -> None:
    path = tmp_path / "new" / "file.txt"
    with settings.atomic_write(path) as temporary:
        temporary.write_text("old")
        assert not path.exists()
    with pytest.raises(error), settings.atomic_write(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old" and [*path.parent.iterdir()] == [path]


def run_python(code: str, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    command, variables = [sys.executable, "-c", code], {**clean, **environment}
    return subprocess.check_output(command, env=variables, text=True).strip()


def test_threads() -> None:
    """The user's own policy goes first."""
    code = "import os; from course_lib.workbook import machine; machine.set_thread_policy(); "
    code += "print(os.environ.get('GOMP_SPINCOUNT'))"
    assert run_python(code) == str(machine.SPIN_COUNT)
    assert run_python(code, GOMP_SPINCOUNT="7") == "7"
    assert run_python(code, OMP_WAIT_POLICY="PASSIVE") == "None"
    before = torch.get_num_threads()
    with pytest.raises(ValueError), machine.one_thread():
        assert torch.get_num_threads() == 1
        raise ValueError
    assert torch.get_num_threads() == before


def test_importing_needs_little_and_sockets_are_blocked_in_children_too() -> None:
    code = "import sys, course_lib; print({'torch', 'numpy', 'pyarrow'} & set(sys.modules))"
    assert run_python(code) == "set()"
    code = "import sys; from course_lib.workbook import session; print('torch' in sys.modules)"
    assert run_python(code) == "False"
    code = (
        "import socket\n"
        "try: socket.create_connection(('192.0.2.1', 80), timeout=1)\n"
        "except OSError as e: print(type(e).__name__)"
    )
    assert run_python(code) == "NetworkBlocked"
