"""Offline, headless, and away from the user's own settings: for every test and its children."""

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

SUPPORT = Path(__file__).parent / "support"
REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(SUPPORT), str(REPOSITORY)]

import offline_guard  # noqa: E402

from course_lib.workbook import machine, settings, smollm2  # noqa: E402

os.environ.setdefault("COURSE_MODELS", str(settings.models_folder()))  # of the real home
offline_guard.block()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background; Ctrl-C is tested, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["PIP_NO_INDEX"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["COURSE_HEADLESS"] = "1"
machine.set_thread_policy()  # as course_lib.start does it: before torch is imported
os.environ["PYTHONPATH"] = os.pathsep.join([str(SUPPORT), str(REPOSITORY)])
os.environ.setdefault("COURSE_HOME", str(Path(tempfile.gettempdir()) / "course-test-home"))
for variable in ("COURSE_CORPUS", "COURSE_PROFILE", "COURSE_REPO"):
    os.environ.pop(variable, None)


@pytest.fixture
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty COURSE_HOME: no settings, no progress, no caches."""
    folder = tmp_path / "home"
    monkeypatch.setenv("COURSE_HOME", str(folder))
    return folder


@pytest.fixture
def full_disk(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be written any more."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    fresh_home.joinpath(".course").mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(Path, "write_text", full)
    monkeypatch.setattr("course_lib.workbook.training.save_file", full)


@pytest.fixture(autouse=True)
def figures_are_labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure of ours has a title, and labels on its axes; a learner's need not."""
    from course_lib.workbook.figures import DescribedFigure

    made = DescribedFigure.__init__

    def make(self: DescribedFigure, figure: Any, sentence: str) -> None:
        titled = figure.get_suptitle() or all(axis.get_title() for axis in figure.axes[:1])
        assert titled, "the figure has no title"
        for axis in figure.axes:
            if axis.axison and axis.get_label() != "<colorbar>":
                labelled = axis.get_xlabel() and axis.get_ylabel()
                assert labelled, f"an axis of {axis.get_title()!r} has no label"
        made(self, figure, sentence)

    monkeypatch.setattr(DescribedFigure, "__init__", make)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="only with `python3 -m course_lib test --thorough`")
    absent = pytest.mark.skip(reason="SmolLM2 is not there and could not be fetched")
    for item in items:
        if "thorough" in item.keywords and not os.environ.get("COURSE_THOROUGH"):
            item.add_marker(skip)
        if "needs_smollm2" in item.keywords and not smollm2.is_ready():
            item.add_marker(absent)
