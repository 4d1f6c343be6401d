"""Reading our own requirement lines without ``packaging``, held against ``packaging``."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement as Reference

from course_lib import places
from course_lib.bootstrap import requirements
from course_lib.bootstrap.requirements import Requirement

LINES = [
    "torch>=2.11,<3",
    "psutil>=5.9.5",
    "courseprobe==1.2",
    "ipython==7.34.*",
    "odd_Name.x!=1.5,>=1",
    "colorama==0.4.6 ; sys_platform == 'win32'",
    "contourpy==1.3.3 ; python_full_version < '3.12'",
    "contourpy==1.4.0 ; python_full_version >= '3.12'",
    "hf-xet==1.8.0 ; platform_machine == 'AMD64' or platform_machine == 'x86_64'",
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(
    "version",
    ["1.2", "1.5", "1.2.0", "2.11.0", "2.13.0+cpu", "3.0", "5.9.5", "5.10", "7.34.0", "7.35"],
)
def test_versions_are_accepted_as_packaging_does(line: str, version: str) -> None:
    assert Requirement(line).accepts(version) == Reference(line).specifier.contains(
        version, prereleases=True
    )


def test_markers_hold_as_packaging_says() -> None:
    pyproject = [
        line
        for line in (places.REPOSITORY / "pyproject.toml").read_text("utf-8").splitlines()
        if ">=" in line
    ]
    locks = [
        (places.REPOSITORY / name).read_text("utf-8")
        for name in ("requirements.lock", "requirements-test.lock")
    ]
    lines = LINES + [line for text in locks for line in text.splitlines() if ";" in line]
    lines += [line.strip().rstrip(",").strip('"') for line in pyproject if ";" in line]
    assert len(lines) > 30
    for line in lines:
        marker = Reference(line).marker
        assert Requirement(line).applies() == (marker is None or marker.evaluate()), line


def test_names_are_written_as_indexes_write_them() -> None:
    assert Requirement("Odd_Name.x>=1").name == "odd-name-x"


def test_no_requirement_is_an_error() -> None:
    with pytest.raises(ValueError, match="no requirement"):
        Requirement("-r other.txt")


def test_half_installed_packages_count_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "courseghost-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert requirements.installed("courseghost") is None


def test_line_ends_do_not_change_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x==1\ny==2\n")
    (tmp_path / "b").write_bytes(b"x==1\r\ny==2\r\n")
    assert requirements.digest(tmp_path / "a") == requirements.digest(tmp_path / "b")
