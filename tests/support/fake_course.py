"""A small course of two packages that the tests build themselves: no index and no network needed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from course_lib import places

CLI = """
import json, sys
from importlib import metadata

def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None

def main(argv):
    names = ("courseprobe", "courseprobe-test", "bitsandbytes")
    facts = {"argv": argv, "prefix": sys.prefix, "versions": {name: version(name) for name in names}, "path": sys.path}
    print("FACTS " + json.dumps(facts))
    return 7 if "fail" in argv else 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""
PYPROJECT = """
[project]
name = "fake"
dependencies = ["courseprobe>=1.0,<2"]
[project.optional-dependencies]
lab = []
test = ["courseprobe-test>=1.0"]
"""


def wheel(folder: Path, name: str, version: str = "1.0", modules: int = 1) -> Path:
    """Write a wheel of a package with ``modules`` modules by hand."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}/{'__init__' if i == 0 else f'm{i}'}.py": f"VALUE = {i}\n" for i in range(modules)
    }
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
    return path


class FakeCourse:
    """A checkout with the real bootstrap, a command line that only reports, and tiny locks."""

    def __init__(self, root: Path) -> None:
        self.repository = root / "the course é"
        self.home = root / "home with ä blank"
        self.wheels = root / "wheels"
        self.environment = self.home / ".venv"
        self.mark = self.environment / "ready.json"
        self.wheels.mkdir()
        package = self.repository / "course_lib"
        source = places.REPOSITORY / "course_lib"
        (package / "workbook").mkdir(parents=True)
        for name in ("__init__.py", "__main__.py", "errors.py"):
            shutil.copy(source / name, package / name)
        shutil.copytree(
            source / "bootstrap",
            package / "bootstrap",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        (package / "workbook" / "__init__.py").touch()
        (package / "workbook" / "cli.py").write_text(CLI, encoding="utf-8")
        (self.repository / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
        self.lock("courseprobe==1.0")
        wheel(self.wheels, "courseprobe")
        wheel(self.wheels, "courseprobe-test")

    def lock(self, *lines: str) -> None:
        """Write the lock; the tests' lock has courseprobe-test besides."""
        (self.repository / "requirements.lock").write_text(
            "\n".join(lines) + "\n", encoding="utf-8"
        )
        text = "\n".join([*lines, "courseprobe-test==1.0"]) + "\n"
        (self.repository / "requirements-test.lock").write_text(text, encoding="utf-8")

    def variables(self, **more: str) -> dict[str, str]:
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "COURSE_", "PYTHON"))
        }
        pip = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
        }
        return {
            **kept,
            **pip,
            "COURSE_HOME": str(self.home),
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def start(self, *argv: str, **more: str) -> subprocess.Popen:
        """``python -m course_lib …`` in the background, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "course_lib", *argv],
            cwd=self.repository,
            env=self.variables(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def run(self, *argv: str, **more: str) -> subprocess.CompletedProcess:
        process = self.start(*argv, **more)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def site_packages(self) -> Path:
        return next(self.environment.glob("[Ll]ib/**/site-packages"))


def facts(done: subprocess.CompletedProcess) -> dict:
    """What the stub of the command line reported."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("FACTS ")]
    assert lines, done.stdout + done.stderr
    return json.loads(lines[-1][6:])


def wait_for(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    """Wait until ``condition`` holds; fail when the process ends first."""
    for _ in range(60_000):
        if condition():
            return
        assert process.poll() is None, "it ended too early: " + "".join(process.communicate())
        time.sleep(0.002)
    raise AssertionError("it never happened")


def send(process: subprocess.Popen, number: signal.Signals, whole_group: bool) -> None:
    """A signal as Ctrl-C sends it (to the whole group), or to the one process."""
    if whole_group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
