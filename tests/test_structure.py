"""Lines by package, imports that point one way without cycles, and nothing that nobody uses."""

import ast
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from course_lib.places import REPOSITORY

PACKAGE = REPOSITORY / "course_lib"
BUDGETS = {  # lines, docstrings and blanks included, in the order in which imports may point back
    "entry": 300,  # bootstrap, __init__, __main__, errors, places
    "corpus": 1_832,  # workbook/corpus; the aim is 1,100
    "workbook": 1_915,  # without corpus
    "start_here": 251,
    "history": 1_050,
    "embeddings": 1_100,
    "transformer": 1_700,
    "cleaning": 2_800,
    "finetuning": 1_495,
    "alignment": 1_140,  # the aim is 700
    "prompting": 1_400,  # the aim is 650
    "serving": 1_740,  # the aim is 900
    "security": 1_525,  # the aim is 1,200
    "song": 1_560,  # the aim is 700
}
ORDER = [name for name in BUDGETS if name != "corpus"]  # part of the workbook
MODULES = {
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
ENTRY = [name for name, path in MODULES.items() if path.parent == PACKAGE]


def room(name: str) -> str:
    parts = MODULES[name].relative_to(PACKAGE).parts
    return "entry" if len(parts) == 1 else "corpus" if "corpus" in parts else parts[0]


def lines(*paths: Path) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


@pytest.mark.parametrize("budget", BUDGETS)
def test_budget(budget: str) -> None:
    assert lines(*(MODULES[name] for name in MODULES if room(name) == budget)) <= BUDGETS[budget]


def test_every_package_has_a_budget() -> None:
    assert {room(name) for name in MODULES} <= set(BUDGETS)
    assert {MODULES[name].stem for name in ENTRY} == {
        *("__init__", "__main__", "bootstrap", "errors", "places")
    }
    assert lines(*REPOSITORY.glob("tools/*.py")) <= 976
    assert lines(*REPOSITORY.glob("tests/**/*.py")) <= 14_280  # the aim is 11,000


def imported(tree: ast.Module, top_level_only: bool = False) -> set[str]:
    """Full names of the modules that a file imports; of ours those that are files."""
    names: set[str] = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names |= {name if name in MODULES else node.module for name in full}
    return names


def test_imports_point_one_way() -> None:
    """The command line reaches its verbs, and ``__init__`` the session, inside functions."""
    for name, tree in TREES.items():
        lazy = name in (*ENTRY, "course_lib.workbook.cli")
        for other in imported(tree, top_level_only=lazy) & set(MODULES):
            own, there = (room(n).replace("corpus", "workbook") for n in (name, other))
            assert ORDER.index(there) <= ORDER.index(own), f"{name} imports {other}: a later topic"


def test_no_import_cycles() -> None:
    """Imports in functions and for type checkers count: a cycle is two modules that are one."""
    remaining = {name: imported(tree) & set(MODULES) - {name} for name, tree in TREES.items()}
    # A module whose imports all lie outside is in no cycle.
    while free := [n for n, others in remaining.items() if not others & set(remaining)]:
        for name in free:
            del remaining[name]
    assert not remaining, f"a cycle among {sorted(remaining)}"


@pytest.mark.parametrize("name", ENTRY)
def test_the_first_command_needs_only_an_old_standard_library(name: str) -> None:
    ast.parse(MODULES[name].read_text(encoding="utf-8"), feature_version=(3, 8))
    for other in imported(TREES[name], top_level_only=True):
        assert other.split(".")[0] in {*sys.stdlib_module_names, "course_lib"}, other


def test_the_tools_stay_outside_of_the_library() -> None:
    """Only the command line names them; the wheel has the library alone."""
    naming = [name for name, tree in TREES.items() if any(o[:5] == "tools" for o in imported(tree))]
    assert naming == ["course_lib.workbook.cli"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["packages"]["find"]["include"] == ["course_lib*"]


def test_only_the_settings_read_the_courses_variables() -> None:
    for name in set(MODULES) - {*ENTRY, "course_lib.workbook.settings"}:
        text = MODULES[name].read_text(encoding="utf-8")
        assert not re.search(r'environ(\.get\(|\[)"COURSE_', text), f"{name}: ask settings.py"


def test_the_formatter_has_the_last_word() -> None:
    for folder in ("course_lib", "tests", "tools", "benchmarks", "assets", "notebooks"):
        for path in (REPOSITORY / folder).rglob("*"):
            if path.suffix in (".py", ".ipynb"):
                assert "# fmt: " + "skip" not in path.read_text(encoding="utf-8"), path


def words(tree: ast.AST) -> set[str]:
    """All names that some code uses or imports."""
    found = set()
    for node in ast.walk(tree):
        name = getattr(node, "attr", getattr(node, "id", getattr(node, "name", "")))
        if isinstance(node, ast.Name | ast.Attribute | ast.alias):
            found.add(name.split(".")[-1])
    return found


def test_nothing_is_there_that_only_tests_use() -> None:
    """Public functions, classes and methods; transformers' Trainer calls methods ``on_…``."""
    used = set().union(*map(words, TREES.values()))
    for folder in ("benchmarks", "assets", "tools"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            used |= words(ast.parse(path.read_text(encoding="utf-8")))
    for path in (REPOSITORY / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            used |= words(ast.parse("".join(cell["source"]))) if "outputs" in cell else set()
    for name, tree in TREES.items():
        for node in [n for top in tree.body for n in (top, *getattr(top, "body", ()))]:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                assert node.name in used or re.match("_|on_", node.name), f"{name}.{node.name}"
