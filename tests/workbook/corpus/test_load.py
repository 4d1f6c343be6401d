"""Where corpora come from, the cache, and the split: nothing leaks or depends on order."""

import ast
import random
import re
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import datasets
import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import errors

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook.corpus import (
    Corpus,
    Document,
    load,
    load_corpus,
    mask_emails,
    minhash,
    python_docs,
)
from course_lib.workbook.corpus.builtin import handbook, handbook_conflicts, songbook
from course_lib.workbook.corpus.document import TRAIN, VALIDATION, stable_hash, table_of, text_hash
from course_lib.workbook.corpus.split import held_out_hashes, split
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


# --- The corpus and its split ---
def random_text(rng: random.Random, words: int) -> str:
    return " ".join(f"w{rng.randrange(3000)}" for _ in range(words))


def edited(text: str, rng: random.Random, edits: int) -> str:
    words = text.split()
    for place in rng.sample(range(len(words)), edits):
        words[place] = f"new{rng.randrange(10**6)}"
    return " ".join(words)


def make_documents(seed: int, count: int = 300) -> list[Document]:
    rng = random.Random(seed)
    return [Document(f"d{i}", random_text(rng, rng.randint(30, 200))) for i in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_signatures_agree_with_the_exact_similarity(seed: int, monkeypatch) -> None:
    rng = random.Random(seed)
    texts = ["", "\x00", "\ud800", *(random_text(rng, n) for n in range(60)), random_text(rng, 400)]
    texts.append(edited(texts[-1], rng, 12))
    constants = minhash._constants(2000, 1)
    hashes, starts = minhash.shingles(texts)
    own = [hashes[begin:end] for begin, end in zip(starts[:-1], starts[1:], strict=True)]
    signatures = minhash.signatures(hashes, starts, constants)
    exact = minhash.jaccard(own[-2], own[-1])  # held against sets of words in tests/cleaning
    assert np.mean(signatures[-2] == signatures[-1]) == pytest.approx(exact, abs=0.06)
    monkeypatch.setattr(minhash, "_CHUNK", 17)  # nothing depends on how many are hashed at once
    again = minhash.shingles(texts)
    assert np.array_equal(again[0], hashes) and np.array_equal(again[1], starts)
    assert np.array_equal(minhash.signatures(*again, constants[:20]), signatures[:, :20])


def test_odd_and_many_equal_documents_form_clusters() -> None:
    for text in ("", "one", "😀😀😀", "\x00\x00", "\ud800 lone"):
        assert list(minhash.find_clusters([text, text]).kept) == [0, 0]
    assert set(minhash.find_clusters(["the same words again and again"] * 20_000).kept) == {0}


@pytest.mark.parametrize("seed", range(3))
def test_no_planted_copy_crosses_the_split(seed: int) -> None:
    rng = random.Random(seed)
    documents = make_documents(seed)
    copies = [Document(f"copy of {d.id}", d.text + " changed") for d in documents]
    everything = [*documents, *copies]
    rng.shuffle(everything)
    _, parts, notes = split(everything)
    side = {d.id: part for d, part in zip(everything, parts, strict=True)}
    labels = minhash.find_clusters(d.text for d in everything).kept.tolist()
    pairs = {(label, side[d.id]) for d, label in zip(everything, labels, strict=True)}
    assert len(pairs) == len(set(labels))
    assert sum(labels.count(label) > 1 for label in set(labels)) > 200 and not notes
    assert split(everything[::-1])[1] == parts[::-1]


def test_clusters_are_no_likelier_to_be_held_out_than_single_documents() -> None:
    """Of clusters of ten 65 % were held out, of single documents 10 %."""
    held_out = {"single": 0, "cluster": 0}
    for seed in range(8):
        rng = random.Random(seed)
        documents = make_documents(seed, 300)
        for number in range(30):
            text = random_text(rng, 150)
            documents += [Document(f"{number}-{n}", f"{text} copy{n}") for n in range(10)]
        _, parts, _ = split(documents)
        held_out["single"] += parts[:300].count(VALIDATION)
        held_out["cluster"] += parts[300::10].count(VALIDATION)
    assert 0.07 < held_out["single"] / (8 * 300) < 0.13
    assert 0.05 < held_out["cluster"] / (8 * 30) < 0.16  # 240 clusters: two standard errors


@pytest.mark.parametrize("copies", [1, 10])
def test_few_documents_give_two_parts_and_the_reader_is_told(copies: int) -> None:
    text = " ".join(f"Sentence number {n} of the only page." for n in range(30))
    documents, parts, notes = split([Document("only.txt", text)] * copies)
    assert [d.id for d in documents] == ["only.txt"] * copies + ["only.txt#end"] * copies
    assert parts == [TRAIN] * copies + [VALIDATION] * copies and "last tenth" in notes[0]
    assert f"{documents[0].text} {documents[-1].text}" == text
    documents, parts, notes = split([Document("a", "hello")] * copies)
    assert parts == [TRAIN] * copies + [VALIDATION] * copies and documents[-1].text == "hello"
    assert "too short" in notes[0]
    for count in (2, 3, 7, 20):
        assert {TRAIN, VALIDATION} == set(split(make_documents(4, count))[1])
    assert split([]) == ([], [], [])


def test_what_is_held_out_here_was_held_out_there() -> None:
    """Documents shared with the machine that trained mini-falcon lie on the same side."""
    assert held_out_hashes("no-such-model") == frozenset() and text_hash("a") == "ca978112ca1bbdca"
    corpus, listed = load_corpus("python-docs"), held_out_hashes("mini-falcon")
    assert len(listed) > 1_000 and all(len(name) == 16 for name in listed)
    held_out = {text_hash(text) for text in corpus.validation.texts()} & listed
    trained = {text_hash(text) for text in corpus.train.texts()} & listed
    assert len(held_out) > 100 and len(trained) < 0.05 * len(held_out)


def test_a_corpus_is_a_sequence_in_two_parts() -> None:
    documents = [Document(f"d{n}", f"text number {n} " * (n + 1), {"n": n}) for n in range(50)]
    parts = [TRAIN if n % 10 else VALIDATION for n in range(50)]
    corpus = Corpus(table_of(documents, parts), name="toy", source="toy")
    assert list(corpus) == documents and (corpus[3], corpus[-1]) == (documents[3], documents[-1])
    with pytest.raises(IndexError, match="50 documents"):
        corpus[50]
    assert list(corpus.validation) == documents[::10] and len(corpus.train) == 45
    assert len(corpus.joined(corpus)) == 100 and len(corpus.joined(corpus).validation) == 10
    for seed in range(5):
        sample = corpus.sample(3000, seed)
        assert 0 < sample.bytes <= 3000 and "sample" in sample.notes[-1]
        assert list(sample) == list(corpus.sample(3000, seed))
    assert corpus.sample(10**9) is corpus and len(corpus.sample(1)) == 1
    table = table_of([Document("bad", "lone \ud800 surrogate")], [TRAIN])
    assert table["text"][0].as_py() == "lone ? surrogate"


def test_hashes_and_masks() -> None:
    assert stable_hash("abc") == pytest.approx(0.5700819061239782, abs=1e-15)  # on every machine
    assert mask_emails("write to a.b+c@mail.example.org now") == "write to [e-mail] now"
    assert mask_emails("a" * 300_000) == "a" * 300_000  # quick
