"""The facts about this machine and about pretended ones, and what ``doctor`` says to them."""

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib import bootstrap
from course_lib.places import REPOSITORY
from course_lib.workbook import machine
from course_lib.workbook.machine import NOTE, OK, PROBLEM, Machine

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
