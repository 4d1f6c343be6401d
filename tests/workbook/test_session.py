"""The one set-up call and what it asks; facts about this machine and about pretended ones."""

import getpass
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import course_lib
from course_lib import bootstrap
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.workbook import machine, session, settings
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.machine import NOTE, OK, PROBLEM, Machine


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


def test_importing_needs_little() -> None:
    code = "import sys, course_lib; print({'torch', 'numpy', 'pyarrow'} & set(sys.modules))"
    assert run_python(code) == "set()"
    code = "import sys; from course_lib.workbook import session; print('torch' in sys.modules)"
    assert run_python(code) == "False"


# --- This machine, and pretended ones ---
GB = 10**9


def make(**facts: object) -> Machine:
    usual = {"memory_total": 16 * GB, "memory_available": 8 * GB, "disk_free": 50 * GB}
    usual |= {"python": "3.11.7", "platform": "Linux", "cores": 2, "torch": "2.13.0"}
    return Machine(**usual | facts)


def card(memory: int) -> dict:
    return {"gpu_name": "X", "gpu_memory": memory * GB, "gpu_capability": (8, 0)}


def test_this_machine_gets_no_false_alarm(fresh_home, capsys) -> None:
    """The tests run here, so nothing that stops the course can be wrong."""
    assert machine.doctor() == 0
    out = capsys.readouterr().out
    last = out.splitlines()[-1]
    assert last.startswith("To send to a teacher: course ") and last.endswith("no problem")
    assert str(Path.home()) not in last and str(fresh_home) not in last
    assert getpass.getuser() not in last.split()
    here = machine.look()
    assert here.cores >= 1 and 0 < here.memory_available <= here.memory_total
    assert dict(here.describe())["Python"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize(
    ("facts", "what", "level", "words"),
    [
        ({}, "Graphics card", NOTE, "everything runs on the processor"),
        ({**card(16), "gpu_capability": (7, 5)}, "Graphics card", NOTE, "no native bf16: fp16"),
        (card(40), "Graphics card", OK, "X, 40.0 GB, bf16"),
        (card(4), "Graphics card", NOTE, "too small for Falcon-7B"),
        ({"nvidia_driver": True}, "Graphics card", NOTE, "update the driver"),
        ({"mps": True}, "Graphics card", OK, "MPS"),
        ({"memory_total": 3 * GB}, "Memory", PROBLEM, "Colab"),
        ({"memory_total": 6 * GB}, "Memory", NOTE, "close other programs"),
        ({"memory_total": int(7.7 * GB)}, "Memory", OK, "7.7 GB"),
        ({"disk_free": GB // 10}, "Disk", PROBLEM, "free some"),
        ({"disk_free": GB, "torch": None}, "Disk", PROBLEM, "free some"),
        ({"cores": 1}, "Processor", NOTE, "1 core"),
    ],
)
def test_findings(facts: dict, what: str, level: str, words: str) -> None:
    """A graphics card is never a problem; with the packages in place less disk is enough."""
    here = make(**facts)
    [(found, text)] = [(found, text) for found, name, text in machine.examine(here) if name == what]
    assert found == level and words in text
    last = machine.summary(here, list(machine.examine(here)))
    assert last.endswith(f"problems: {what}" if level == PROBLEM else "no problem")


@pytest.mark.parametrize(
    ("facts", "fast"),
    [
        ({}, "float32"),
        ({"fast_bf16": True}, "bfloat16"),
        (card(16), "bfloat16"),
        ({**card(16), "gpu_capability": (7, 5), "fast_bf16": True}, "float16"),
    ],
)
def test_the_type_of_numbers_is_what_is_fast(monkeypatch, facts: dict, fast: str) -> None:
    assert make(**facts).number_type == fast
    for there, words in ((True, f"computes in {fast}"), (False, "course_lib lab` fetches it")):
        monkeypatch.setattr(machine.smollm2, "is_ready", lambda there=there: there)
        found = machine.examine(make(**facts))
        [(level, text)] = [(level, text) for level, name, text in found if "Smol" in name]
        assert (level == OK) == there and words in text


@pytest.mark.parametrize(
    ("lacking", "torch", "level", "words"),
    [
        ([], "2.13.0+cpu", OK, "torch 2.13.0+cpu"),
        ([("ijson>=3.3", None)], "2.13.0", PROBLEM, "ijson>=3.3 (here: none)"),
        ([("torch>=2", None)], None, NOTE, "not installed yet"),
    ],
)
def test_packages(monkeypatch, lacking: list, torch: str | None, level: str, words: str) -> None:
    monkeypatch.setattr(bootstrap, "unmet", lambda *extras: lacking)
    _, (found, _, text), *_ = machine.examine(make(torch=torch))
    assert found == level and words in text and (level == OK) == ("course_lib lab" not in text)


def test_it_runs_with_the_standard_library_alone(fresh_home) -> None:
    """-I -S: no site-packages at all, as before the first installation."""
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); "
    code += "from course_lib.workbook import machine; machine.doctor()"
    command = [sys.executable, "-I", "-S", "-c", code]
    out = subprocess.run(command, capture_output=True, check=True, env=os.environ, timeout=60)
    assert b"not installed yet" in out.stdout and b"unknown available" in out.stdout


def test_a_containers_limit_counts(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(machine, "CONTAINER", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("400000000\n")
    assert machine._memory()[0] > GB
    (tmp_path / "memory.max").write_text("1000000000\n")
    total, available = machine._memory()
    assert total == GB and available <= 6 * 10**8


@pytest.mark.skipif(sys.platform != "linux", reason="the helpers of GNU's OpenMP are counted")
def test_helpers_are_let_go_and_come_back() -> None:
    code = """
import os, torch
from course_lib.workbook.machine import release_threads
torch.set_num_threads(3)
rows, count = torch.rand(2_000, 2_000), lambda: len(os.listdir("/proc/self/task"))
first, working = rows.exp().sum(), count()
release_threads()
left, second, again = count(), rows.exp().sum(), count()
assert left == working - 2 and again == working and first == second, (working, left, again)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY, timeout=60)
