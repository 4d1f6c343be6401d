"""The first command: from nothing, a second time, interrupted, broken."""

import json
import os
import re
import shutil
import signal
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fake_course import FakeCourse, facts, send, wait_for, wheel

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def test_from_nothing_to_the_verb(course: FakeCourse) -> None:
    done = course.run("lab", "--port", "0")
    seen = facts(done)
    assert done.returncode == 0
    assert seen["argv"] == ["lab", "--port", "0"]
    assert Path(seen["prefix"]) == course.environment
    assert seen["versions"] == {
        "courseprobe": "1.0",
        "courseprobe-test": None,
        "bitsandbytes": None,
    }
    assert str(course.repository) in seen["path"]
    mark = json.loads(course.mark.read_text(encoding="utf-8"))
    assert set(mark) == {"requirements.lock", "python"} and len(mark["requirements.lock"]) == 64
    assert re.search(r"installing \d+/\d+|Installing", done.stdout) and "\r" not in done.stdout
    # Kernels find the library without any variable.
    path_file = course.site_packages() / "course_lib.pth"
    assert path_file.read_text(encoding="utf-8").strip() == str(course.repository)


def test_a_second_start_runs_no_pip(ready: FakeCourse) -> None:
    log = ready.home / ".course" / "install.log"
    done = ready.run("lab", PIP_FIND_LINKS="/nowhere", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert done.returncode == 0 and done.stdout.startswith("FACTS ")
    assert not log.exists()


def test_the_exit_status_passes_through(ready: FakeCourse) -> None:
    assert ready.run("run", "fail").returncode == 7


def test_only_the_tests_extras_are_added(ready: FakeCourse) -> None:
    before = json.loads(ready.mark.read_text(encoding="utf-8"))
    done = ready.run("test", "-k", "word")
    assert facts(done)["versions"]["courseprobe-test"] == "1.0"
    assert (
        "what the tests need besides" in done.stdout and "Making an environment" not in done.stdout
    )
    after = json.loads(ready.mark.read_text(encoding="utf-8"))
    assert after.items() >= before.items() and "requirements-test.lock" in after
    assert ready.run("lab").stdout.startswith("FACTS ")


def test_a_changed_lock_is_installed_into_the_same_environment(ready: FakeCourse) -> None:
    wheel(ready.wheels, "courseprobe", "1.1")
    ready.lock("courseprobe==1.1")
    kept = ready.environment / "kept"
    kept.touch()
    assert facts(ready.run("lab"))["versions"]["courseprobe"] == "1.1"
    assert kept.exists()


def test_an_interpreter_that_has_everything_is_used_as_it_is(
    course: FakeCourse, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    for path in course.wheels.glob("*.whl"):
        shutil.unpack_archive(path, there, "zip")
    done = course.run("test", PYTHONPATH=str(there))
    assert Path(facts(done)["prefix"]) == Path(sys.prefix)
    assert not course.environment.exists()


@pytest.mark.parametrize("version", ["0.9", "2.0"])
def test_a_version_outside_the_range_is_not_enough(
    ready: FakeCourse, tmp_path: Path, version: str
) -> None:
    there = tmp_path / "there"
    shutil.unpack_archive(wheel(tmp_path, "courseprobe", version), there, "zip")
    seen = facts(ready.run("lab", PYTHONPATH=str(there)))
    assert Path(seen["prefix"]) == ready.environment


def test_doctor_installs_nothing(course: FakeCourse) -> None:
    assert Path(facts(course.run("doctor"))["prefix"]) == Path(sys.prefix)
    assert not course.environment.exists()


def test_doctor_looks_at_the_environment_when_there_is_one(ready: FakeCourse) -> None:
    assert Path(facts(ready.run("doctor"))["prefix"]) == ready.environment


def test_a_typing_error_is_said_before_anything_is_installed(course: FakeCourse) -> None:
    for words in (["lba"], ["lab", "--prot", "1"], []):
        done = course.run(*words)
        assert done.returncode == 2 and "usage:" in done.stderr
    assert not course.environment.exists()


def break_python(course: FakeCourse) -> None:
    for path in course.environment.glob("bin/python*"):
        path.unlink()


def break_pip(course: FakeCourse) -> None:
    shutil.rmtree(course.site_packages() / "pip")
    course.mark.unlink()


def empty_it(course: FakeCourse) -> None:
    shutil.rmtree(course.environment)
    course.environment.mkdir()


def spoil_the_mark(course: FakeCourse) -> None:
    course.mark.write_text("{half", encoding="utf-8")


def other_python(course: FakeCourse) -> None:
    mark = json.loads(course.mark.read_text(encoding="utf-8"))
    course.mark.write_text(json.dumps({**mark, "python": "3.1.0"}), encoding="utf-8")


@posix
@pytest.mark.parametrize(
    "damage", [break_python, break_pip, empty_it, spoil_the_mark, other_python]
)
def test_a_broken_environment_is_repaired(ready: FakeCourse, damage) -> None:
    damage(ready)
    done = ready.run("lab")
    assert facts(done)["versions"]["courseprobe"] == "1.0"
    assert "Installing" in done.stdout and ready.mark.exists()


def test_what_a_killed_pip_left_is_installed_again(ready: FakeCourse) -> None:
    """Its METADATA is there, its files are not: pip alone would call it satisfied."""
    site = ready.site_packages()
    shutil.rmtree(site / "courseprobe")
    (site / "courseprobe-1.0.dist-info" / "INSTALLER").unlink()
    (site / "~ourseprobe").mkdir()
    ready.mark.unlink()
    assert ready.run("lab").returncode == 0
    assert (site / "courseprobe" / "__init__.py").is_file() and not (site / "~ourseprobe").exists()


class Stalling(SimpleHTTPRequestHandler):
    """An index on loopback that stops in the middle of a wheel until ``go_on`` is set."""

    reached, go_on, drop = threading.Event(), threading.Event(), False

    def do_GET(self) -> None:
        if self.path.endswith("courseprobe-1.0-py3-none-any.whl") and not self.go_on.is_set():
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"PK")
            self.wfile.flush()
            self.reached.set()
            if not self.drop:
                self.go_on.wait(60)
            return
        super().do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def index(ready: FakeCourse):
    """An address for PIP_FIND_LINKS that stalls; the environment is there, the package is not."""
    shutil.rmtree(ready.site_packages() / "courseprobe")
    shutil.rmtree(ready.site_packages() / "courseprobe-1.0.dist-info")
    ready.mark.unlink()
    Stalling.reached.clear()
    Stalling.go_on.clear()
    Stalling.drop = False
    folder = str(ready.wheels)
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Stalling(*a, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    Stalling.go_on.set()
    server.shutdown()
    server.server_close()


@posix
@pytest.mark.parametrize("whole_group", [True, False], ids=["Ctrl-C", "kill -INT"])
def test_ctrl_c_while_it_loads(ready: FakeCourse, index: str, whole_group: bool) -> None:
    process = ready.start("lab", PIP_FIND_LINKS=index)
    wait_for(Stalling.reached.is_set, process)
    send(process, signal.SIGINT, whole_group)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted. Start the same command again" in err and "Traceback" not in out + err
    assert not ready.mark.exists()
    assert facts(ready.run("lab"))["versions"]["courseprobe"] == "1.0"


@posix
def test_kill_9_while_it_loads(ready: FakeCourse, index: str) -> None:
    process = ready.start("lab", PIP_FIND_LINKS=index)
    wait_for(Stalling.reached.is_set, process)
    send(process, signal.SIGKILL, whole_group=False)
    process.wait()
    Stalling.go_on.set()  # the pip that was left alone comes to an end, and is waited for
    assert facts(ready.run("lab"))["versions"]["courseprobe"] == "1.0"


@posix
@pytest.mark.parametrize("whole_group", [True, False], ids=["everything", "the parent"])
def test_kill_9_while_it_unpacks(ready: FakeCourse, whole_group: bool) -> None:
    modules = 3000
    wheel(ready.wheels, "courseprobe", "1.2", modules=modules)
    ready.lock("courseprobe==1.2")
    site = ready.site_packages()
    process = ready.start("lab")
    wait_for((site / "courseprobe" / "m5.py").exists, process)
    send(process, signal.SIGKILL, whole_group)
    process.wait()
    assert not ready.mark.exists()
    assert facts(ready.run("lab"))["versions"]["courseprobe"] == "1.2"
    assert len(list((site / "courseprobe").glob("*.py"))) == modules


def test_a_lost_network_is_one_sentence(ready: FakeCourse, index: str) -> None:
    Stalling.drop = True
    done = ready.run("lab", PIP_FIND_LINKS=index, PIP_RETRIES="0")
    assert done.returncode == 2 and not ready.mark.exists()
    assert (
        done.stderr.startswith("The package index cannot be reached")
        and len(done.stderr.splitlines()) == 1
    )
    assert facts(ready.run("lab"))["versions"]["courseprobe"] == "1.0"


def test_a_package_without_a_wheel_is_named(ready: FakeCourse) -> None:
    ready.lock("courseprobe==1.0", "courseprobe-nowhere==3.0")
    done = ready.run("lab")
    assert done.returncode == 2 and not ready.mark.exists()
    assert "There is no ready package of courseprobe-nowhere" in done.stderr


def test_an_optional_package_without_a_wheel_is_left_out(ready: FakeCourse) -> None:
    ready.lock("bitsandbytes==0.1", "courseprobe==1.0")
    done = ready.run("lab")
    assert facts(done)["versions"] == {
        "courseprobe": "1.0",
        "courseprobe-test": None,
        "bitsandbytes": None,
    }
    assert "bitsandbytes has no package for this computer" in done.stdout
    assert ready.run("lab").stdout.startswith("FACTS ")


def test_a_python_without_ensurepip_gets_the_cure(course: FakeCourse, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ensurepip.py").write_text(
        "raise ImportError('as on a bare Debian')\n", encoding="utf-8"
    )
    done = course.run("lab", PYTHONPATH=str(broken))
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "has no venv" in done.stderr and "then" in done.stderr and "again" in done.stderr
    assert not course.environment.exists()


@posix
def test_two_starts_at_once(ready: FakeCourse, index: str) -> None:
    first = ready.start("lab", PIP_FIND_LINKS=index)
    wait_for(Stalling.reached.is_set, first)
    second = ready.start("lab")
    line = second.stdout.readline()
    assert line.startswith("Another start of the course is installing")
    Stalling.go_on.set()
    first.communicate(timeout=60)  # its half-sent wheel fails; the second then installs
    assert second.communicate(timeout=60)[0].splitlines()[-1].startswith("FACTS ")
