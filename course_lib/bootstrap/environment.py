"""The course's own virtual environment: made once, repaired when it is broken, marked ready last."""
import importlib.util
import json
import locale
import os
import platform
import shutil
import subprocess
import sys

from course_lib.bootstrap import places, requirements
from course_lib.bootstrap.install import SetupError, install


def python_of(folder):
    """The interpreter of a virtual environment."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def wanted_mark(test):
    """What the mark must say for the environment to be used without another look."""
    return {
        "lock": requirements.fingerprint(requirements.LOCK),
        "test": requirements.fingerprint(requirements.TEST_LOCK) if test else None,
        "python": platform.python_version(),
        "repository": str(places.REPOSITORY),
    }


def read_mark(folder):
    """The mark that was written when the environment was whole; {} when there is none."""
    try:
        mark = json.loads((folder / "ready.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return mark if isinstance(mark, dict) else {}


def is_ready(folder, test):
    """True when everything was installed from the present lock files."""
    mark, wanted = read_mark(folder), wanted_mark(test)
    same = all(mark.get(key) == wanted[key] for key in ("lock", "repository"))
    return same and python_of(folder).exists() and (not test or mark.get("test") == wanted["test"])


def ready_environment(test=False):
    """The interpreter of the course's environment, which is made or repaired if need be.

    Raises ``SetupError`` with one sentence when that is not possible.
    """
    folder = places.environment_folder()
    if is_ready(folder, test):
        return python_of(folder)
    problem = requirements.platform_problem()
    if problem:
        raise SetupError(problem)
    if places.home_note():
        print(places.home_note())
    had_test = read_mark(folder).get("test") is not None
    (folder / "ready.json").unlink(missing_ok=True)
    if not _is_whole(folder):
        _make(folder)
    python = python_of(folder)
    install(python, test=test or had_test)
    _write_path_file(python)
    mark = json.dumps(wanted_mark(test or had_test))
    temporary = folder / "ready.tmp"
    temporary.write_text(mark, encoding="utf-8")
    temporary.replace(folder / "ready.json")
    return python


def _is_whole(folder):
    """True when there is an interpreter of this version in it that can run pip."""
    python = python_of(folder)
    if not python.exists():
        return False
    code = "import sys, pip; print(*sys.version_info[:2])"
    try:
        result = subprocess.run([str(python), "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return result.returncode == 0 and result.stdout.decode().split() == [str(n) for n in sys.version_info[:2]]


def _make(folder):
    """A fresh virtual environment with pip."""
    cure = "install it (Debian, Ubuntu: `sudo apt install python3-venv`) and start the command again"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetupError("This Python cannot make environments, its venv module is incomplete: {}.".format(cure))
    print("Making an environment in {}".format(folder))
    if folder.exists():
        shutil.rmtree(str(folder), ignore_errors=True)
    result = subprocess.run(
        [sys.executable, "-m", "venv", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if result.returncode:
        text = result.stdout.decode(errors="replace")
        if "No space left" in text:
            raise SetupError(
                "The disk is full: free about 4 GB, or set COURSE_HOME to a folder on another disk, and start again."
            )
        raise SetupError(
            "The environment could not be made ({}): {}.".format(" ".join(text.split())[-200:].strip(), cure)
        )


def _write_path_file(python):
    """Let every program of the environment find the course's library, from any folder."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    result = subprocess.run([str(python), "-c", code], stdout=subprocess.PIPE, check=True)
    folder = result.stdout.decode(errors="surrogateescape").strip()
    encoding = "utf-8" if sys.version_info >= (3, 13) else locale.getpreferredencoding(False)
    try:
        with open(os.path.join(folder, "course_lib.pth"), "w", encoding=encoding) as file:
            file.write(str(places.REPOSITORY) + "\n")
    except (OSError, UnicodeEncodeError):
        pass  # the commands set PYTHONPATH as well
