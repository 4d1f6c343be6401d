"""The README names what is there: notebooks, packages, pictures, corpora."""

import re
import tomllib

from course_lib.places import REPOSITORY
from course_lib.workbook.corpus import BUILTIN

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_every_notebook_and_corpus_is_there_and_every_link_leads_somewhere() -> None:
    linked = set(re.findall(r"\]\((notebooks/[^)]+\.ipynb)\)", README))
    assert linked == {f"notebooks/{p.name}" for p in REPOSITORY.glob("notebooks/[0-9]*.ipynb")}
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (REPOSITORY / target).exists(), target
    for name in BUILTIN:
        assert f"| `{name}` |" in README


def test_every_direct_dependency_has_its_reason() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = sum(project["optional-dependencies"].values(), project["dependencies"])
    rows = "\n".join(line for line in README.splitlines() if line.startswith("| "))
    for name in (re.match(r"[A-Za-z0-9-]+", line)[0] for line in lines):
        assert re.search(rf"\b{name}\b", rows, re.IGNORECASE), f"the README lacks {name}"


def test_the_repository_stands_alone() -> None:
    """Nothing tells how work on it is organised."""
    kinds = {".py", ".md", ".toml", ".yml", ".ipynb", ".lock", ".txt", ".json", ".cfg"}
    apart = {".venv", "work", ".course", "executed", ".git", "test_readme.py"}
    for path in REPOSITORY.rglob("*"):
        if path.suffix in kinds and not apart & {*path.relative_to(REPOSITORY).parts}:
            text = path.read_text(encoding="utf-8", errors="replace")
            for word in ("../shared", ".library", "/work/main", "file:///", "/opt/wheels"):
                assert word not in text, f"{path} mentions {word}"
