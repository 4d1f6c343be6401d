"""A lone notebook: only what is missing is installed, and nothing that is there changes."""

import pytest

from course_lib.bootstrap import missing, pip_run, requirements
from course_lib.bootstrap.requirements import Requirement

WANTED = [
    Requirement(line)
    for line in (
        "torch>=2.11,<3",
        "numpy>=2.1,<3",
        "ijson>=3.3",
        "bitsandbytes>=0.49 ; sys_platform != 'x'",
    )
]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str]]:
    """Each call of pip: the specifiers and the text of the constraints."""
    made = []

    def install(python: str, arguments: list, display: object, total: int = 0) -> None:
        made.append((arguments[2:], arguments[1].read_text(encoding="utf-8")))
        if "bitsandbytes>=0.49" in arguments:
            raise pip_run.PipFailed("no wheel", "bitsandbytes")

    monkeypatch.setattr(pip_run, "pip_install", install)
    monkeypatch.setattr(requirements, "needed", lambda *extras: WANTED)
    return made


def have(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    monkeypatch.setattr(requirements, "installed", versions.get)


def test_nothing_missing_means_no_pip(monkeypatch: pytest.MonkeyPatch, calls: list) -> None:
    have(monkeypatch, torch="2.11.0+cu130", numpy="2.1.3", ijson="3.4", bitsandbytes="0.50")
    missing.install_missing()
    assert calls == []


def test_only_the_missing_ones_and_torch_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, calls: list
) -> None:
    have(monkeypatch, torch="2.11.0+cu130", numpy="2.1.3")
    missing.install_missing()
    assert [specifiers for specifiers, _ in calls] == [["ijson>=3.3"], ["bitsandbytes>=0.49"]]
    assert all(
        limits.splitlines() == ["torch==2.11.0+cu130", "numpy==2.1.3"] for _, limits in calls
    )


def test_an_old_one_is_named_not_replaced(
    monkeypatch: pytest.MonkeyPatch, calls: list, capsys: pytest.CaptureFixture
) -> None:
    have(monkeypatch, torch="2.0.0", numpy="2.1.3", ijson="3.4", bitsandbytes="0.50")
    missing.install_missing()
    assert calls == []
    assert "torch 2.0.0 is installed, the course wants torch>=2.11,<3" in capsys.readouterr().out
