"""Python's documentation as a corpus."""

import ast
import sys
from pathlib import Path

from course_lib.workbook.corpus import load_corpus, python_docs


def test_small_corpus_is_what_the_readme_says() -> None:
    corpus = load_corpus("python-docs")
    assert 1_500_000 < corpus.bytes < 4_000_000
    assert corpus.words > 200_000
    assert len(set(corpus.table["id"].to_pylist())) == len(corpus)
    assert corpus.manifest["versions"]["Python"]
    assert set(corpus.manifest["licences"].values()) == {"PSF-2.0"}


def test_docstrings_are_those_that_ast_finds(tmp_path: Path) -> None:
    source = tmp_path / "mod.py"
    source.write_text(
        '"""The module says what it is for."""\n'
        'class A:\n    """Short."""\n'
        '    def f(self):\n        """Give back five words at least."""\n'
        "async def g():\n    '''An async function can have one too.'''\n",
        encoding="utf-8",
    )
    found = dict(python_docs.docstrings(source, "mod"))
    assert found == {
        "mod": "The module says what it is for.",
        "mod.A.f": "Give back five words at least.",
        "mod.g": "An async function can have one too.",
    }
    assert ast.get_docstring(ast.parse(source.read_text())) == found["mod"]


def test_nothing_is_imported_and_broken_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "boom.py").write_text(
        '"""This would stop the import at once."""\nraise SystemExit', "utf-8"
    )
    (tmp_path / "broken.py").write_text("def f(:\n", "utf-8")
    (tmp_path / "binary.py").write_bytes(b"\x00\xff\xfe")
    documents = list(python_docs.package_documents(tmp_path, "pkg", {"origin": "pkg"}, "Reading"))
    assert [d.id for d in documents] == ["pkg:boom"]
    assert "boom" not in sys.modules


def test_a_python_without_topic_pages_gives_none(tmp_path: Path) -> None:
    assert list(python_docs.topics(tmp_path)) == []


def test_installed_packages_are_found_with_their_licence() -> None:
    folder, facts = python_docs.installed("numpy") or (None, {})
    assert folder and folder.name == "numpy"
    assert facts["version"] and "BSD" in facts["licence"]
    assert python_docs.installed("no-such-package") is None
