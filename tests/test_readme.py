"""The README names what is there: notebooks, packages, pictures, corpora."""

import re

from course_lib.places import REPOSITORY
from course_lib.workbook.corpus import BUILTIN

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_every_notebook_is_in_the_table_and_no_other() -> None:
    linked = set(re.findall(r"\]\((notebooks/[^)]+\.ipynb)\)", README))
    assert linked == {
        f"notebooks/{path.name}" for path in (REPOSITORY / "notebooks").glob("[0-9]*.ipynb")
    }


def test_every_file_that_it_links_exists() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (REPOSITORY / target).exists(), target


def test_every_built_in_corpus_is_explained() -> None:
    for name in BUILTIN:
        assert f"| `{name}` |" in README


def test_every_direct_dependency_has_its_reason() -> None:
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    rows = "\n".join(line for line in README.splitlines() if line.startswith("| "))
    for line in lines:
        name = re.match(r"[A-Za-z0-9-]+", line)[0]
        assert re.search(rf"\b{re.escape(name)}\b", rows, re.IGNORECASE), (
            f"{name} is not in the README's table"
        )


def test_the_repository_stands_alone() -> None:
    """Nothing tells how work on it is organised."""
    for path in REPOSITORY.rglob("*"):
        if path.suffix in {
            ".py",
            ".md",
            ".toml",
            ".yml",
            ".ipynb",
            ".lock",
            ".txt",
            ".json",
            ".cfg",
        }:
            parts = path.relative_to(REPOSITORY).parts
            if (
                parts[0] in {".venv", "work", ".course", "executed", ".git"}
                or path.name == "test_readme.py"
            ):
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            for word in ("../shared", ".library", "/work/main", "file:///", "/opt/wheels"):
                assert word not in text, f"{path} mentions {word}"
