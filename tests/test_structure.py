"""Imports point one way, and what must parse on an old Python does."""

import ast
import sys
from pathlib import Path

import pytest

from course_lib.places import REPOSITORY

PACKAGE = REPOSITORY / "course_lib"
ORDER = (
    "workbook",
    "start_here",
    "history",
    "embeddings",
    "transformer",
    "cleaning",
    "finetuning",
    "alignment",
    "prompting",
    "serving",
    "security",
    "song",
)
STANDARD_ONLY = ("__init__.py", "__main__.py", "errors.py", "places.py", "bootstrap.py")
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path, top_level_only: bool = False) -> set[str]:
    """Full names of the modules that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    own = room(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "course_lib" or len(parts) < 2:
            continue
        other = parts[1]
        if own in ("bootstrap.py", "errors.py", "places.py"):
            assert other in ("bootstrap", "errors", "places", "__version__") or own == other, (
                f"{path} imports {name}"
            )
        elif own in ORDER and other in ORDER:
            assert ORDER.index(other) <= ORDER.index(own), f"{path} imports {name}, a later topic"


def test_every_package_is_known() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert folders <= set(ORDER)


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if room(p) in STANDARD_ONLY],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_the_first_command_needs_only_an_old_standard_library(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    for name in imported(path, top_level_only=True):
        assert name.split(".")[0] in {*sys.stdlib_module_names, "course_lib"}, (
            f"{path} imports {name}"
        )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_stay_readable(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 300, f"{len(lines)} lines: is there a second room inside?"


def test_only_the_settings_read_the_environment() -> None:
    allowed = {"settings.py", "threads.py", "places.py"}
    for path in MODULES:
        if path.name in allowed:
            continue
        text = path.read_text(encoding="utf-8")
        reads = 'os.environ.get("COURSE_' in text or 'os.environ["COURSE_' in text
        assert not reads, f"{path} reads a COURSE_ variable: ask settings.py"
