"""The first command: from nothing, a second time, interrupted, and where it cannot go on."""

import os
import platform
import runpy
import shutil
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_course import FakeCourse, wheel

from course_lib import bootstrap, places
from course_lib.errors import CourseError


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


def test_what_is_wrong_with_packed_wheels_is_one_sentence(tmp_path) -> None:
    course = FakeCourse(tmp_path)
    folder = course.repository / "wheels"
    shutil.copytree(course.wheels, folder / "any")
    files = sorted((folder / "any").iterdir())
    lines = [f"{bootstrap.digest(file)}  any/{file.name}\n" for file in files]
    here = "{}-{}-{}.{}".format(sys.platform, platform.machine(), *sys.version_info)

    def sentence() -> str:
        process = course.start("lab", PIP_FIND_LINKS="/nowhere")
        out, err = process.communicate(timeout=60)
        assert (out, process.returncode, err.count("\n")) == ("", 2, 1)
        return err

    assert "is for nothing: it was not packed to its end" in sentence()
    (folder / "win32-AMD64-3.99.sha256").write_text("")
    (folder / f"._{here}.sha256").touch()  # macOS puts such beside what it copies to a stick
    assert f"is for win32-AMD64-3.99; this is {here}: START.txt says" in sentence()
    (folder / f"{here}.sha256").write_text("".join(lines))
    (folder / "any" / "courseprobe-1.0-py3-none-any.whl").write_bytes(b"half")
    assert f"Missing or damaged in {folder}: any/courseprobe-1.0-py3-none-any.whl." in sentence()
    shutil.rmtree(folder / "any")
    assert "any/courseprobe-1.0-py3-none-any.whl, any/courseprobe_test-1.0" in sentence()
    assert course.run("test")[2]["courseprobe"] == "1.0"  # the tests' packages are never packed


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
