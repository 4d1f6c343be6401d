"""Fixtures: the small course of ``fake_course``, bare and ready."""

import shutil
from pathlib import Path

import pytest
from fake_course import FakeCourse


@pytest.fixture
def course(tmp_path: Path) -> FakeCourse:
    """The small course, nothing installed."""
    return FakeCourse(tmp_path)


@pytest.fixture(scope="session")
def made_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that was made and finished once, to be copied."""
    made = FakeCourse(tmp_path_factory.mktemp("made"))
    done = made.run("lab")
    assert done.returncode == 0, done.stdout + done.stderr
    return made.environment


@pytest.fixture
def ready(course: FakeCourse, made_environment: Path) -> FakeCourse:
    """The small course with its environment ready."""
    shutil.copytree(made_environment, course.environment, symlinks=True)
    return course
