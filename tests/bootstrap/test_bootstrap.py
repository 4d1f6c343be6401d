"""The first command: from nothing, a second time, interrupted, and where it cannot go on."""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib import bootstrap, places
from course_lib.errors import CourseError

# A small course of two packages that the tests build themselves: it needs no index.
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


def test_from_nothing_again_with_more_and_with_another_lock(tmp_path) -> None:
    course = FakeCourse(tmp_path)
    before, prefix, there = course.run("doctor")  # which installs nothing
    assert (before, Path(prefix), course.environment.exists()) == ("", Path(sys.prefix), False)
    before, prefix, there = course.run("lab")
    assert Path(prefix) == course.environment and there == {"courseprobe": "1.0"}
    assert "Successfully installed courseprobe-1.0" in before  # pip's own words
    nowhere = {"PIP_FIND_LINKS": "/nowhere"}
    assert course.run("lab", **nowhere) == ("", prefix, there)
    assert course.run("doctor", **nowhere) == ("", prefix, there)
    kept = course.environment / "kept"
    kept.touch()
    assert course.run("test")[2] == {"courseprobe": "1.0", "courseprobe-test": "1.0"}
    assert course.run("lab", **nowhere)[0] == ""  # the tests' lock has all of the other
    wheel(course.wheels, "courseprobe", "1.1")
    course.lock("courseprobe==1.1")
    assert course.run("lab")[2]["courseprobe"] == "1.1" and kept.exists()
    (Path(prefix) / "bin" / "python").unlink(missing_ok=True)
    assert "Making an environment" in course.run("lab")[0] and not kept.exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_first_start_is_done_again(tmp_path) -> None:
    course = FakeCourse(tmp_path)
    wheel(course.wheels, "courseprobe", "1.2", modules=5000)
    course.lock("courseprobe==1.2")
    process = course.start("lab")
    while not list(course.environment.glob("lib/python*/site-packages/courseprobe/m5.py")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err.endswith("start the same command again.\n")
    assert not (course.environment / "ready").exists()
    assert course.run("lab")[2] == {"courseprobe": "1.2"}
    assert len(list(course.environment.glob("lib/python*/site-packages/courseprobe/*.py"))) == 5000


def test_an_interpreter_that_has_everything_is_used_as_it_is(tmp_path) -> None:
    course, there = FakeCourse(tmp_path), tmp_path / "there"
    for path in course.wheels.glob("*.whl"):
        shutil.unpack_archive(path, there, "zip")
    before, prefix, _ = course.run("test", PYTHONPATH=str(there))
    assert (before, Path(prefix)) == ("", Path(sys.prefix))
    process = course.start("lab", "--prot", "1")  # a typing error costs no installation
    assert "usage:" in process.communicate(timeout=60)[1] and process.returncode == 2
    assert not course.environment.exists()


def test_an_old_python_gets_one_sentence(monkeypatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(sys, "version", "3.8.18 (default)")
    monkeypatch.setattr(sys, "argv", ["course_lib", "lab", "--port", "0"])
    with pytest.raises(SystemExit, match="3.11 or newer is needed and this is 3.8.18: ") as stop:
        runpy.run_path(str(places.REPOSITORY / "course_lib" / "__main__.py"), run_name="__main__")
    assert str(stop.value).endswith("-m course_lib lab --port 0`.")


def test_no_venv_and_no_disk_get_their_cure(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    with pytest.raises(CourseError, match=r"1\.0 GB free and the packages need 4.*COURSE_HOME"):
        bootstrap.install(tmp_path / "env")
    monkeypatch.setitem(sys.modules, "ensurepip", None)  # as on a bare Debian
    with pytest.raises(CourseError, match="has no venv: install it"):
        bootstrap.install(tmp_path / "env")
    assert not (tmp_path / "env").exists()


def test_pips_words_are_shown_in_a_notebook_too(monkeypatch, capsys) -> None:
    """Through ``print``: a notebook does not show what another process writes."""
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    code = "import sys; print('Collecting a'); sys.stdout.flush(); sys.exit('ERROR: reason')"
    with pytest.raises(CourseError, match="the reason is in the lines above"):
        bootstrap.run([sys.executable, "-c", code])
    assert capsys.readouterr().out == "Collecting a\nERROR: reason\n"


@pytest.mark.parametrize(
    ("system", "nvidia", "answers", "build"),
    [
        ("linux", False, True, "cpu"),
        ("linux", False, False, ""),
        ("linux", True, True, ""),
        ("win32", True, True, "cu130"),
        ("win32", False, True, ""),
        ("darwin", False, True, ""),
    ],
)
def test_index_for_torch(monkeypatch, system: str, nvidia: bool, answers: bool, build: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(bootstrap, "has_nvidia", lambda: nvidia)
    monkeypatch.setattr(bootstrap, "answers", lambda address: answers)
    index = ["--extra-index-url", f"https://download.pytorch.org/whl/{build}"]
    assert bootstrap.torch_index() == (index if build else [])


def test_colab_gets_what_is_missing_and_keeps_its_torch(monkeypatch, capsys) -> None:
    needs = ["torch>=2.11,<3", "numpy>=2.1", "ijson>=3.3", "odd>=1 ; sys_platform == 'none'"]
    have, asked = {"torch": "2.11.0+cu130", "numpy": "2.0.0"}, []
    monkeypatch.setattr(bootstrap, "run", lambda command: asked.append(command[7:]))
    monkeypatch.setattr(bootstrap, "needs", lambda *extras: needs)
    monkeypatch.setattr(bootstrap, "version_of", have.get)
    bootstrap.install_missing()
    assert asked == [["torch==2.11.0+cu130", "ijson>=3.3"]]
    assert "The course wants numpy>=2.1, not 2.0.0" in capsys.readouterr().out
    have["ijson"] = "3.4"
    bootstrap.install_missing()
    assert len(asked) == 1


def test_where_the_checkout_is_read_only_things_go_elsewhere(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("COURSE_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "data"))
    assert places.home() == places.REPOSITORY and places.home_note() == ""
    read_only = {places.REPOSITORY}
    really = places.is_writable
    monkeypatch.setattr(places, "is_writable", lambda f: f not in read_only and really(f))
    assert places.home() == tmp_path / "data" / places.NAME
    assert places.home_note().startswith("The checkout is read-only: environment")
    read_only.add(places.home())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert places.home() == tmp_path / places.NAME
