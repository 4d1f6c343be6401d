"""Where corpora come from: the course itself, Python's documentation, the hub; the cache."""

import ast
import re
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import datasets
import huggingface_hub
import pytest
from huggingface_hub import errors

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook.corpus import load, load_corpus, python_docs
from course_lib.workbook.corpus.builtin import handbook, handbook_conflicts, songbook
from course_lib.workbook.corpus.words import words

RESERVED = re.compile(
    r"(^|\.)(example|invalid|test)$|(^|\.)example\.(com|org|net)$"
    r"|01632 ?960 ?\d{3}|020 ?7946 ?0\d{3}|07700 ?900 ?\d{3}"
    r"|\+44 ?(1632 ?960|20 ?7946 ?0|7700 ?900) ?\d{3}"
)


def test_the_songs_are_many_whole_and_unlike_each_other() -> None:
    songs = songbook()
    assert len({song.meta["title"] for song in songs}) == len(songs) >= 120
    for song in songs:
        assert all(part in song.text for part in ("[Verse 1]", "[Chorus]", "[Bridge]")), song.id
        assert all(song.meta[key] for key in ("title", "subject", "mood", "form"))
    texts = [words(song.text) for song in songs]
    grams = [{tuple(own[i : i + 5]) for i in range(len(own) - 4)} for own in texts]
    assert all(len(a & b) <= 0.05 * min(len(a), len(b)) for a, b in combinations(grams, 2))


def test_the_handbook_is_linked_contradictory_and_invented() -> None:
    pages = {page.id: page for page in handbook()}
    assert len(pages) >= 60 and sum("\n|" in page.text for page in pages.values()) >= 15
    assert sum(page.meta["status"] == "outdated" for page in pages.values()) >= 2
    conflicts = handbook_conflicts()
    assert len(conflicts) >= 8 and all(len(conflict["pages"]) >= 2 for conflict in conflicts)
    assert all(p.removesuffix(".md") in pages for conflict in conflicts for p in conflict["pages"])
    for page in pages.values():
        for link in re.findall(r"\]\(([^)#:]+)\.md", page.text):
            assert (Path(page.id).parent / link).as_posix() in pages or link.lstrip("./") in pages
        for domain in re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)*\.?\w)", page.text):
            assert RESERVED.search(domain), f"{page.id}: {domain}"
        rest = RESERVED.sub("", page.text)
        assert not re.search(r"(?<![\w.-])(?:\+44|0)\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}", rest), page.id


def test_pythons_documentation_is_what_the_readme_says() -> None:
    corpus = load_corpus("python-docs")
    assert 1_500_000 < corpus.bytes < 4_000_000 and corpus.words > 200_000
    assert len(set(corpus.table["id"].to_pylist())) == len(corpus)
    assert corpus.manifest["versions"]["Python"]
    assert set(corpus.manifest["licences"].values()) == {"PSF-2.0"}


def test_docstrings_are_read_without_importing_anything(tmp_path, monkeypatch) -> None:
    inner = '"""Short."""; f = 1\n    def f(self):\n        """Give back five words at least."""'
    source = f'"""The module says what it is for."""\nclass A:\n    {inner}\nraise SystemExit'
    for name, content in [("mod", source.encode()), ("broken", b"def f(:"), ("binary", b"\0\xff")]:
        (tmp_path / f"{name}.py").write_bytes(content)
    found = list(python_docs.package_documents(tmp_path, "pkg", {"origin": "pkg"}))
    assert [document.id for document in found] == ["pkg:mod", "pkg:mod.A.f"]
    assert found[1].text == "Give back five words at least."
    assert list(python_docs.topics(tmp_path)) == []  # some Linux distributions leave them out
    assert "BSD" in python_docs.sources(full=True)["numpy"][1]["licence"]
    monkeypatch.setattr(python_docs, "PACKAGES", ["no-such-package"])
    assert [*python_docs.sources(full=True)] == ["stdlib"]


@pytest.fixture
def hub(monkeypatch, fresh_home) -> dict:
    """A pretended hub with one data set of several variants; ``hub["error"]`` is raised if set."""
    state: dict = {"error": None}
    rows = [{"text": f"record {number} " * 10, "id": number} for number in range(1_500)]

    def info(self: object, name: str, timeout: float) -> SimpleNamespace:
        if state["error"]:
            raise state["error"]
        return SimpleNamespace(card_data={"license": "cc0-1.0"})

    def load(name: str, variant: str, *, streaming: bool) -> dict:
        assert streaming and variant == "b"
        parts = {"test": rows[:1], "train": rows}
        return {k: datasets.Dataset.from_list(v).to_iterable_dataset() for k, v in parts.items()}

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name: ["b", "c"])
    monkeypatch.setattr(datasets, "get_dataset_default_config_name", lambda name: None)
    return state


def test_a_data_set_of_the_hub_is_a_bounded_sample_and_fetched_once(hub: dict) -> None:
    """It was fetched and split anew for each notebook."""
    corpus = load_corpus("hub:someone/songs", budget=20_000)
    assert 15_000 < corpus.bytes <= 20_000 and corpus[0].id == "hub:someone/songs#0001"
    assert corpus[0].meta["source"] == "hub:someone/songs"
    assert corpus[0].meta["licence"] == "cc0-1.0"
    hub["error"] = ConnectionError("offline")
    again = load_corpus("hub:someone/songs", budget=20_000)
    assert list(again) == list(corpus) and list(again.train) == list(corpus.train)
    with pytest.raises(CourseError, match="cannot be reached"):
        load_corpus("hub:someone/songs", budget=10_000)


RESPONSE = SimpleNamespace(status_code=404, headers={}, request=None, url="", reason="")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "cannot be reached"),
        (errors.RepositoryNotFoundError("no", response=RESPONSE), "is no public data set"),
        (errors.GatedRepoError("no", response=RESPONSE), "accepted its terms"),
        (errors.HFValidationError("bad name"), "is no public data set"),
        (KeyError("odd"), "could not be read"),
    ],
)
def test_every_failure_of_the_hub_is_one_sentence(hub: dict, error: Exception, said: str) -> None:
    hub["error"] = error
    with pytest.raises(CourseError, match=said) as caught:
        load_corpus("hub:someone/songs")
    assert "\n" not in str(caught.value) and "someone/songs" in str(caught.value)


def test_an_own_file_is_cached_until_it_changes(fresh_home, tmp_path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id;text\n1;one text\n2;another text\n")
    first = load_corpus(path)
    assert "rows.csv: the separator is ';'." in first.notes and not first.skipped
    (cache,) = places.cache_folder().glob("corpus-own-*.arrow")
    made = cache.stat().st_mtime_ns
    again = load_corpus(path)
    assert list(first) == list(again) and again.notes == first.notes
    assert cache.stat().st_mtime_ns == made
    table = load.pa.table({"id": ["x"]}).replace_schema_metadata({"course": "{}"})  # no key in it
    with load.pa.ipc.new_file(cache, table.schema) as writer:
        writer.write_table(table)
    assert list(load_corpus(path)) == list(first)
    cache.write_bytes(b"")
    assert list(load_corpus(path)) == list(first)
    path.write_text("id;text\n1;changed\n2;another\n")
    assert "changed" in load_corpus(path).text()


def test_a_parser_that_miscounts_is_asked_again(tmp_path, monkeypatch) -> None:
    (tmp_path / "module.py").write_text('"""Five words stand in here."""', "utf-8")
    answers = iter([SystemError("AST constructor recursion depth mismatch"), None])

    def parse(source: bytes, real=ast.parse) -> ast.Module:
        if error := next(answers):
            raise error
        return real(source)

    monkeypatch.setattr(python_docs.ast, "parse", parse)
    [(_, text)] = python_docs.docstrings(tmp_path / "module.py", "module")
    assert text == "Five words stand in here."
