"""A small course of two packages that the tests build themselves: it needs no index."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from course_lib import places

REPORT = """
import json, sys
from importlib import metadata

def report(*arguments, **more):
    there = {d.name: d.version for d in metadata.distributions() if "probe" in d.name}
    print("FACTS " + json.dumps([sys.prefix, there]))
    return 7

doctor = start = run_tests = report
"""
PYPROJECT = """
[project]
dependencies = ["courseprobe>=1.0,<2", "nowhere>=1 ; sys_platform == 'none'"]
[project.optional-dependencies]
lab = []
test = ["courseprobe-test>=1.0"]
"""


def wheel(folder: Path, name: str, version: str = "1.0", modules: int = 1) -> Path:
    """Write a wheel of a package with ``modules`` modules by hand."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {f"{module}/{f'm{i}' if i else '__init__'}.py": "VALUE = 1\n" for i in range(modules)}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files[f"{info}/WHEEL"] = tags
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
    return path


class FakeCourse:
    """A checkout with the real installer and command line, verbs that only report, tiny locks."""

    def __init__(self, root: Path) -> None:
        self.repository = root / "the course é"
        self.home = root / "home with ä blank"
        self.environment = self.home / ".venv"
        self.wheels = root / "wheels"
        self.wheels.mkdir()
        package, source = self.repository / "course_lib", places.REPOSITORY / "course_lib"
        (package / "workbook").mkdir(parents=True)
        for path in source.glob("*.py"):
            shutil.copy(path, package)
        for name in ("__init__", "cli", "settings"):
            shutil.copy(source / "workbook" / f"{name}.py", package / "workbook")
        for name in ("lab", "machine", "testing"):
            (package / "workbook" / f"{name}.py").write_text(REPORT, encoding="utf-8")
        (self.repository / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
        self.lock("courseprobe==1.0")
        for name in ("courseprobe", "courseprobe-test"):
            wheel(self.wheels, name)

    def lock(self, line: str) -> None:
        """Write the locks: this line, for the tests courseprobe-test besides."""
        (self.repository / "requirements.lock").write_text(f"# made by hand\n{line}\n", "utf-8")
        text = f"{line}\ncourseprobe-test==1.0\n"
        (self.repository / "requirements-test.lock").write_text(text, "utf-8")

    def start(self, *argv: str, **more: str) -> subprocess.Popen:
        """``python -m course_lib …`` in the background, in a process group of its own."""
        dropped = ("PIP_", "COURSE_", "PYTHON")
        variables = {k: v for k, v in os.environ.items() if not k.startswith(dropped)} | {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_USER": "1",  # must not lead pip out of the environment
            "https_proxy": "http://127.0.0.1:9",  # nobody listens there
            "COURSE_HOME": str(self.home),
            **more,
        }
        command = [sys.executable, "-m", "course_lib", *argv]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        where = {"cwd": self.repository, "env": variables, "start_new_session": True}
        return subprocess.Popen(command, **options, **where)

    def run(self, *argv: str, **more: str) -> tuple[str, str, dict[str, str]]:
        """What was printed before the verb, the verb's ``sys.prefix``, and what is installed."""
        process = self.start(*argv, **more)
        out, err = process.communicate(timeout=120)
        before, _, facts = out.partition("FACTS ")
        assert facts and process.returncode == 7, out + err
        return before, *json.loads(facts)
