"""No false alarm, what to do in every line, and a last line that gives nothing away."""

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.bootstrap import guards, platforms, requirements
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.workbook import doctor
from course_lib.workbook.doctor import NOTE, OK, PROBLEM
from course_lib.workbook.machine import Machine


def make(**facts: object) -> Machine:
    usual = {
        "python": "3.11.7",
        "platform": "Linux 6.1, x86_64",
        "cores": 2,
        "memory_total": 16 * 10**9,
        "memory_available": 8 * 10**9,
        "disk_free": 50 * 10**9,
        "torch": "2.13.0",
    }
    return Machine(**{**usual, **facts})


def test_this_machine_gets_no_false_alarm(fresh_home: Path, capsys: pytest.CaptureFixture) -> None:
    """The tests run here, so nothing that stops the course can be wrong."""
    assert doctor.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if line.startswith(PROBLEM)]
    assert lines[-1].startswith("To send to a teacher: course ") and lines[-1].endswith(
        "no problem"
    )


def test_the_last_line_has_no_name_and_no_path(fresh_home: Path) -> None:
    here = make(gpu_name="Tesla T4", gpu_memory=15 * 10**9, gpu_capability=(7, 5))
    line = doctor.summary(here, doctor.examine(here))
    assert len(line) < 300 and "\n" not in line
    assert str(Path.home()) not in line and str(fresh_home) not in line and "/" not in line
    user = getpass.getuser()
    assert user not in line.split()


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        ({}, NOTE, "without one"),
        ({"gpu_name": "T4", "gpu_memory": 16 * 10**9, "gpu_capability": (7, 5)}, NOTE, "fp16"),
        ({"gpu_name": "A100", "gpu_memory": 40 * 10**9, "gpu_capability": (8, 0)}, OK, "bf16"),
        (
            {"gpu_name": "3050", "gpu_memory": 4 * 10**9, "gpu_capability": (8, 6)},
            NOTE,
            "too small for Falcon-7B",
        ),
        ({"nvidia_driver": True}, NOTE, "update the driver"),
        ({"mps": True}, OK, "MPS"),
    ],
)
def test_a_graphics_card_is_never_a_problem(facts: dict, level: str, words: str) -> None:
    finding = doctor.graphics(make(**facts))
    assert finding.level == level and words in finding.text


@pytest.mark.parametrize(
    ("memory", "level"),
    [(3 * 10**9, PROBLEM), (6 * 10**9, NOTE), (int(7.7e9), OK), (64 * 10**9, OK), (None, NOTE)],
)
def test_memory(memory: int | None, level: str) -> None:
    assert doctor.memory(make(memory_total=memory)).level == level


@pytest.mark.parametrize(
    ("free", "torch", "level"),
    [
        (10**8, "2.13.0", PROBLEM),
        (10**9, "2.13.0", NOTE),
        (10**9, None, PROBLEM),
        (10**10, None, OK),
        (None, None, NOTE),
    ],
)
def test_disk(free: int | None, torch: str | None, level: str) -> None:
    """With the packages in place less is enough."""
    assert doctor.disk(make(disk_free=free, torch=torch)).level == level


def test_one_core_and_avx512_are_notes() -> None:
    levels = [finding.level for finding in doctor.processor(make(cores=1, avx512_bf16=True))]
    assert levels == [NOTE, NOTE]
    assert [finding.level for finding in doctor.processor(make())] == [OK]


@pytest.mark.parametrize(("reached", "level"), [(True, OK), (False, NOTE)])
def test_the_hub_is_asked_unless_it_is_forbidden(
    monkeypatch: pytest.MonkeyPatch, reached: bool, level: str
) -> None:
    asked = []
    monkeypatch.setattr(platforms, "answers", lambda *a: asked.append(a) or reached)
    assert doctor.hub().level == NOTE and not asked  # the tests run with HF_HUB_OFFLINE=1
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert doctor.hub().level == level and asked == [(doctor.HUB, doctor.HUB_SECONDS)]


def installed(monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None]) -> None:
    """Pretend that exactly the locked versions are there, but for ``changes``."""
    lock = requirements.lock_lines(REPOSITORY / requirements.BASE_LOCK)
    versions = {line.name: line.bounds[0][1] for line in lock} | changes
    monkeypatch.setattr(requirements, "installed", versions.get)


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({}, OK, "as in requirements.lock"),
        ({"torch": "2.13.0+cpu"}, OK, "torch 2.13.0+cpu"),
        ({"bitsandbytes": None}, NOTE, "optional"),
        ({"transformers": "5.15.1"}, NOTE, "transformers 5.15.1"),
        ({"transformers": "4.57.0"}, PROBLEM, "transformers 4.57.0"),
        ({"ijson": None}, PROBLEM, "ijson missing"),
    ],
)
def test_packages(
    monkeypatch: pytest.MonkeyPatch, fresh_home: Path, changes: dict, level: str, words: str
) -> None:
    installed(monkeypatch, changes)
    finding = doctor.packages()
    assert finding.level == level and words in finding.text


def test_before_anything_is_installed_that_is_a_note(
    monkeypatch: pytest.MonkeyPatch, fresh_home: Path
) -> None:
    monkeypatch.setattr(requirements, "installed", lambda name: None)
    finding = doctor.packages()
    assert finding.level == NOTE and "python3 -m course_lib lab" in finding.text


def test_a_hopeless_platform_is_a_problem_unless_torch_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise CourseError("PyTorch has no package here.")

    monkeypatch.setattr(platforms, "refuse_hopeless", refuse)
    monkeypatch.setattr(requirements, "installed", lambda name: None)
    assert doctor.python().level == PROBLEM
    monkeypatch.setattr(requirements, "installed", lambda name: "2.13.0")
    assert doctor.python().level == OK


def test_it_runs_with_the_standard_library_alone(fresh_home: Path) -> None:
    """-I -S: no site-packages at all, as before the first installation."""
    code = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from course_lib.workbook import cli; "
        "sys.exit(cli.main(['doctor']))"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, env=environment, timeout=60
    )
    out = done.stdout.decode("utf-8")
    assert done.returncode == 0, out + done.stderr.decode("utf-8")
    assert "not installed yet" in out and "Traceback" not in out


def test_a_python_that_cannot_make_environments_is_a_problem_with_its_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(requirements, "installed", lambda name: None)
    monkeypatch.setattr(platforms, "refuse_hopeless", lambda: None)
    monkeypatch.setattr(guards, "has_venv", lambda: False)
    finding = doctor.python()
    assert finding.level == PROBLEM and "has no venv" in finding.text
