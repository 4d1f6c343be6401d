"""The entry module on an old Python, and the verbs' options."""

import ast
import os
import runpy
import sys

import pytest

from course_lib.bootstrap import arguments, main
from course_lib.places import REPOSITORY

ENTRY = REPOSITORY / "course_lib" / "__main__.py"


def test_an_old_python_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(sys, "argv", ["course_lib", "lab", "--port", "0"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ENTRY), run_name="__main__")
    assert str(stop.value).startswith("Python 3.11 or newer is needed and this is 3.8:")
    assert str(stop.value).endswith("-m course_lib lab --port 0`.") and "\n" not in str(stop.value)


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "course_lib" / "bootstrap").glob("*.py")), ids=lambda p: p.name
)
def test_the_bootstrap_parses_under_3_8(path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_words_for_pytest_are_passed_on() -> None:
    options, rest = arguments.parse(
        ["test", "--quick", "-k", "minhash", "-x", "tests/x.py", "--lf"]
    )
    assert options.quick and not options.thorough
    assert rest == ["-k", "minhash", "-x", "tests/x.py", "--lf"]


def test_only_test_has_words_for_another_program() -> None:
    with pytest.raises(SystemExit) as stop:
        arguments.parse(["lab", "--quick"])
    assert stop.value.code == 2


def test_children_find_the_library_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/theirs", str(REPOSITORY)]))
    found = main.child_environment()
    assert found["PYTHONPATH"] == os.pathsep.join([str(REPOSITORY), "/theirs"])
    assert found["HF_HUB_DISABLE_TELEMETRY"] == "1"
