"""What pip says, as a progress line and as one sentence."""

import errno
import io
from pathlib import Path

import pytest

from course_lib.bootstrap import guards, pip_run
from course_lib.bootstrap.display import Display
from course_lib.errors import CourseError

NETWORK = """WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip._vendor>: Failed to
establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/torch/
ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)
ERROR: No matching distribution found for torch==2.13.0"""


@pytest.mark.parametrize(
    ("output", "start", "package"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "The disk is",
            "",
        ),
        (NETWORK, "The package index cannot be reached", ""),
        (
            "ERROR: No matching distribution found for Torch==2.13.0",
            "There is no ready package of torch",
            "torch",
        ),
        (
            "  ERROR: Failed building wheel for odd_one",
            "There is no ready package of odd-one",
            "odd-one",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'",
            "A file of the",
            "",
        ),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            "The package index shows a certificate",
            "",
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES.",
            "pip could not install everything (ERROR: THESE",
            "",
        ),
        ("", "pip could not install everything (no reason given)", ""),
    ],
)
def test_errors_become_one_sentence(output: str, start: str, package: str) -> None:
    error = pip_run.explain(output, "the.log")
    assert str(error).startswith(start) and error.package == package
    assert "\n" not in str(error) and str(error).endswith(".") or "the.log" in str(error)


@pytest.mark.parametrize(
    ("number", "start"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EACCES, "A file of the"),
        (errno.EIO, "The environment could not"),
    ],
)
def test_errors_of_the_file_system_too(number: int, start: str) -> None:
    with pytest.raises(CourseError, match=start), guards.translated_errors(Path("x")):
        raise OSError(number, "reason")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_follows_pips_lines(tmp_path: Path) -> None:
    terminal = Terminal()
    progress = pip_run.Progress(Display(terminal), total=3, site=tmp_path)
    progress.take("Collecting numpy==2.4.6 (from -r requirements.lock (line 93))\n")
    progress.take(
        "  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (6.6 kB)\n"
    )
    assert (progress.phase, progress.name, len(progress.found)) == ("loading", "numpy", 1)
    progress.take(
        "Processing /somewhere/torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl (from -r x (line 1))\n"
    )
    progress.take("  Downloading python_docx-1.2.0-py3-none-any.whl (253 kB)\n")
    assert (progress.name, len(progress.found)) == ("python-docx (253 kB)", 3)
    progress.take("Installing collected packages: numpy, torch, python-docx\n")
    (tmp_path / "numpy-2.4.6.dist-info").mkdir()
    (tmp_path / "numpy-2.4.6.dist-info" / "INSTALLER").touch()
    (tmp_path / "torch-2.13.0+cpu.dist-info").mkdir()
    progress.wait()
    assert "installing 1/3 numpy" in terminal.getvalue() and "\n" not in terminal.getvalue()


def test_away_from_a_terminal_the_lines_are_few_and_plain() -> None:
    stream = io.StringIO()
    display = Display(stream)
    for done in range(100):
        display.update("loading", done, 150, f"package{done}")
    display.update("installing", 1, 150)
    display.line("Everything is in place.")
    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == [
        "loading",
        "installing",
        "Everything",
    ] and "\r" not in stream.getvalue()


def test_the_users_pip_settings_stay_but_cannot_lead_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PYTHONPATH", "/other")
    found = pip_run.pip_environment()
    assert found["PIP_INDEX_URL"] == "https://mirror.example/simple" and found["PIP_USER"] == "0"
    assert "PIP_TARGET" not in found and "PYTHONPATH" not in found
