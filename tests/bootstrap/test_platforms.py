"""Said before anything is installed: where PyTorch has no package. And which index fits."""

import platform
import sys
import sysconfig

import pytest

from course_lib.bootstrap import platforms
from course_lib.errors import CourseError


def pretend(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, version: tuple = (3, 12, 1)
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(
        platform, "version", lambda: "Darwin Kernel Version 25.0.0: root:xnu-1/RELEASE_X86_64"
    )
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: "x86_64-pc-linux-gnu")


@pytest.mark.parametrize(
    ("system", "machine"),
    [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")],
)
@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 2)])
def test_where_there_is_a_torch_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, version: tuple
) -> None:
    pretend(monkeypatch, system, machine, version)
    platforms.refuse_hopeless()


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("darwin", "x86_64", "Intel"),
        ("win32", "ARM64", "ARM"),
        ("linux", "armv7l", "armv7l"),
        ("linux", "riscv64", "riscv64"),
    ],
)
def test_where_there_is_none_it_is_said(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, words: str
) -> None:
    pretend(monkeypatch, system, machine)
    with pytest.raises(CourseError, match=words):
        platforms.refuse_hopeless()


def test_a_python_for_intel_on_an_apple_chip_has_another_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, "darwin", "x86_64")
    monkeypatch.setattr(
        platform, "version", lambda: "Darwin Kernel Version 25.0.0: root:xnu-1/RELEASE_ARM64_T6000"
    )
    with pytest.raises(CourseError, match="Apple chip: install Python from python.org"):
        platforms.refuse_hopeless()


def test_32_bit_musl_and_a_python_from_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "linux", "x86_64", (3, 15, 0))
    with pytest.raises(CourseError, match=r"python3\.14 -m course_lib lab"):
        platforms.refuse_hopeless()
    pretend(monkeypatch, "linux", "x86_64")
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: "x86_64-pc-linux-musl")
    with pytest.raises(CourseError, match="musl"):
        platforms.refuse_hopeless()
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    with pytest.raises(CourseError, match="64-bit"):
        platforms.refuse_hopeless()


@pytest.mark.parametrize(
    ("system", "nvidia", "reached", "expected"),
    [
        ("linux", False, True, platforms.CPU_INDEX),
        ("linux", False, False, ""),
        ("linux", True, True, ""),
        ("win32", True, True, platforms.CUDA_INDEX),
        ("win32", False, True, ""),
        ("darwin", False, True, ""),
    ],
)
def test_the_index_for_torch(
    monkeypatch: pytest.MonkeyPatch, system: str, nvidia: bool, reached: bool, expected: str
) -> None:
    asked = []
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platforms, "has_nvidia", lambda: nvidia)
    monkeypatch.setattr(platforms, "answers", lambda address: asked.append(address) or reached)
    assert platforms.torch_index() == expected
    assert not expected or asked == [expected + "/torch/"]


def test_an_index_that_cannot_be_reached_does_not_answer() -> None:
    assert platforms.answers("http://127.0.0.1:9/torch/", patience=0.5) is False
    assert platforms.answers("no address at all", patience=0.5) is False
