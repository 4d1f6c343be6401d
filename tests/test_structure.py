"""Lines by package, imports that point one way without cycles, and nothing that nobody uses."""

import ast
import json
import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from course_lib.places import REPOSITORY

PACKAGE = REPOSITORY / "course_lib"
BUDGETS = {  # lines, docstrings and blanks included, in the order in which imports may point back
    "entry": 300,  # bootstrap, __init__, __main__, errors, places
    "corpus": 1_100,  # workbook/corpus
    "workbook": 1_700,
    "start_here": 250,
    "history": 1_050,
    "embeddings": 1_100,
    "transformer": 1_450,
    "cleaning": 2_800,
    "finetuning": 1_500,
    "alignment": 700,
    "prompting": 650,
    "serving": 900,
    "security": 1_200,
    "song": 700,
}
ORDER = [name for name in BUDGETS if name != "corpus"]  # part of the workbook
ENTRY = ("__init__.py", "__main__.py", "bootstrap.py", "errors.py", "places.py")
MODULES = {
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return "entry" if len(parts) == 1 else "corpus" if "corpus" in parts else parts[0]


def lines(*folders: Path) -> int:
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


@pytest.mark.parametrize("name", BUDGETS)
def test_budget(name: str) -> None:
    there = [path for path in MODULES.values() if room(path) == name]
    count = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in there)
    assert count <= BUDGETS[name], f"{name}: {count} lines"


def test_every_package_has_a_budget() -> None:
    assert {room(path) for path in MODULES.values()} <= set(BUDGETS)
    assert {path.name for path in PACKAGE.glob("*.py")} == set(ENTRY)
    assert lines(REPOSITORY / "tools") <= 400
    assert lines(REPOSITORY / "tests") <= 8_000


def imported(tree: ast.Module, top_level_only: bool = False) -> set[str]:
    """Full names of the modules that a file imports; of ours those that are files."""
    names: set[str] = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            names |= {
                full if (full := f"{node.module}.{alias.name}") in MODULES else node.module
                for alias in node.names
            }
    return names


def test_imports_point_one_way() -> None:
    """The command line reaches its verbs, and ``__init__`` the session, inside functions."""
    for name, path in MODULES.items():
        own = ORDER.index("workbook" if room(path) == "corpus" else room(path))
        for other in imported(TREES[name], top_level_only=room(path) == "entry") & set(MODULES):
            there = "workbook" if room(MODULES[other]) == "corpus" else room(MODULES[other])
            assert ORDER.index(there) <= own, f"{name} imports {other}, which is a later topic"


def test_no_import_cycles() -> None:
    """Imports inside functions and for type checkers count: a cycle is two modules that are one."""
    remaining = {name: imported(tree) & set(MODULES) - {name} for name, tree in TREES.items()}
    while True:  # a module whose imports all lie outside is in no cycle
        free = [name for name, others in remaining.items() if not others & set(remaining)]
        if not free:
            break
        for name in free:
            del remaining[name]
    wanted = {other for others in remaining.values() for other in others}
    assert not remaining, f"a cycle among {sorted(set(remaining) & wanted)}"


@pytest.mark.parametrize("name", [n for n, path in MODULES.items() if room(path) == "entry"])
def test_the_first_command_needs_only_an_old_standard_library(name: str) -> None:
    ast.parse(MODULES[name].read_text(encoding="utf-8"), feature_version=(3, 8))
    for other in imported(TREES[name], top_level_only=True):
        assert other.split(".")[0] in {*sys.stdlib_module_names, "course_lib"}, other


def test_the_tools_stay_outside_of_the_library() -> None:
    """Only the command line names them; the wheel has the library alone."""
    naming = {name for name, tree in TREES.items() if any(o[:5] == "tools" for o in imported(tree))}
    assert naming == {"course_lib.workbook.cli"}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["packages"]["find"]["include"] == ["course_lib*"]


def test_only_the_settings_read_the_courses_variables() -> None:
    for name, path in MODULES.items():
        if room(path) == "entry" or path.name == "settings.py":
            continue
        reads = re.search(r'environ(\.get\(|\[)"COURSE_', path.read_text(encoding="utf-8"))
        assert not reads, f"{name} reads a COURSE_ variable: ask settings.py"


def test_the_formatter_has_the_last_word() -> None:
    folders = ("course_lib", "tests", "tools", "benchmarks", "assets", "notebooks")
    for path in [p for folder in folders for p in (REPOSITORY / folder).rglob("*")]:
        if path.suffix in (".py", ".ipynb"):
            assert "# fmt: " + "skip" not in path.read_text(encoding="utf-8"), path


def words(tree: ast.AST) -> set[str]:
    """All names that some code uses or imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name.split(".")[-1])
    return found


def outside() -> set[str]:
    """All names that notebooks, benchmarks, scripts and tools use."""
    found: set[str] = set()
    for folder in ("benchmarks", "assets", "tools"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            found |= words(ast.parse(path.read_text(encoding="utf-8")))
    for path in (REPOSITORY / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                found |= words(ast.parse("".join(cell["source"])))
    return found


def unused() -> list[str]:
    """Public functions, classes and methods that only tests use, or that only such ones use.

    A method ``on_…`` is called by transformers' Trainer.
    """
    by_module = {name: words(tree) for name, tree in TREES.items()}
    everywhere, result = outside(), []
    for name, tree in TREES.items():
        others = everywhere.union(*(found for other, found in by_module.items() if other != name))
        uses: dict[str, set[str]] = defaultdict(set)  # definition → names in it
        reached: set[str] = set()
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                uses[node.name] |= words(node)
            else:
                reached |= words(node)
        reached = {d for d in uses if d in reached or d in others}
        while new := {d for r in reached for d in uses[r] if d in uses} - reached:
            reached |= new
        result += [f"{name}.{d}" for d in uses if d not in reached and not d.startswith("_")]
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                methods = [m for m in node.body if isinstance(m, ast.FunctionDef)]
                here = by_module[name] | others
                result += [
                    f"{name}.{node.name}.{method.name}"
                    for method in methods
                    if not re.match("_|on_", method.name) and method.name not in here
                ]
    return result


def test_nothing_is_there_that_nobody_uses() -> None:
    assert unused() == []
