"""``load_corpus``: the same kind of corpus from every source, split, and cached."""

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import pyarrow as pa

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.corpus import builtin, files, python_docs
from course_lib.workbook.corpus.document import (
    Corpus,
    Document,
    Skipped,
    megabytes,
    num_bytes,
    table_of,
)
from course_lib.workbook.corpus.split import split
from course_lib.workbook.corpus.tables import Record, parts_of_records
from course_lib.workbook.display import bar
from course_lib.workbook.settings import atomic_write

BUDGET = 32_000_000  # bytes of text taken from a corpus of the reader's own
SHUFFLED = 1_000  # records of a hub corpus among which the order is mixed
MAX_GUESSES = 10  # notes on files that were read with a guess
BUILTIN = {
    "python-docs": "Python's own documentation (about 2 MB)",
    "python-docs:full": "the same with the docstrings of the installed packages (27 MB and more)",
    "songbook": "original songs written for this course",
    "songbook-messy": "the same songs as they look when scraped from the web",
    "handbook": "the handbook of an invented company",
}


def load_corpus(source: str | os.PathLike | None = None, *, budget: int = BUDGET) -> Corpus:
    """The corpus that ``source`` names, with its fixed train/validation split.

    source   a name of ``BUILTIN``; a file or folder of the reader's own; ``hub:NAME``;
             None for what the reader chose in notebook 00
    budget   bytes of text kept from an own or a hub corpus; more is sampled, and a note says so

    Raises ``CourseError`` with one sentence when there is nothing to read.
    """
    wanted = str(source if source is not None else settings.corpus_choice()).strip()
    if wanted in ("python-docs", "python-docs:full"):
        return _python_docs(wanted)
    if wanted in ("songbook", "handbook"):
        return _corpus(getattr(builtin, wanted)(), name=wanted, source=wanted, builtin=True)
    if wanted == "songbook-messy":
        return _songbook_messy()
    if wanted.startswith("hub:"):  # fetched once; the cache then serves it offline, too

        def fetch() -> Corpus:
            documents = read_hub(wanted[4:], budget=budget, seed=0)
            return _corpus(documents, name=wanted, source=wanted)

        return _cached(f"hub-{_digest(wanted)}", str(budget), fetch)
    return _own(wanted, budget)


def _corpus(documents: Sequence[Document], **facts) -> Corpus:
    """Split the documents and make the corpus."""
    documents, parts, notes = split(documents)
    return Corpus(table_of(documents, parts), notes=(*facts.pop("notes", ()), *notes), **facts)


def _python_docs(wanted: str) -> Corpus:
    full = wanted.endswith("full")
    size, versions = "full" if full else "small", python_docs.versions(full)

    def make() -> Corpus:
        documents = list(python_docs.python_docs(full))
        licences = {str(d.meta["origin"]): str(d.meta["licence"]) for d in documents}
        facts = {"manifest": {"versions": versions, "licences": licences}, "builtin": True}
        return _corpus(documents, name=f"python-docs ({size})", source=wanted, **facts)

    return _cached(f"python-docs-{size}", _digest(json.dumps(versions)), make)


def _songbook_messy() -> Corpus:
    """Each page keeps the part of its clean song, copies too."""
    clean = load_corpus("songbook")
    part = dict(zip(clean.table["id"].to_pylist(), clean.parts, strict=True))
    pages, defects = builtin.songbook_messy()
    parts = [part[str(page.meta.get("copy_of", page.id))] for page in pages]
    facts = {"builtin": True, "manifest": {"defects": defects}}
    return Corpus(table_of(pages, parts), name="songbook-messy", source="songbook-messy", **facts)


def read_hub(name: str, *, budget: int, seed: int) -> list[Document]:
    """About ``budget`` bytes of text of a data set of the Hugging Face hub, in a seeded order.

    Streamed: reading stops when the budget is full, so a data set of any size will do. The
    text column is found as in own files; the part ``train`` is taken if there is one. Raises
    ``CourseError`` with one sentence when the hub or the data set cannot be had.
    """
    from huggingface_hub import HfApi

    documents: list[Document] = []
    size = 0
    try:
        info = HfApi().dataset_info(name, timeout=10)  # first of all: is it there?
        licence = (info.card_data or {}).get("license")
        facts = {"source": f"hub:{name}", **({"licence": str(licence)} if licence else {})}
        with bar(description=f"Reading hub:{name}", total=budget, unit="B") as moving:
            records = _hub_records(name, seed)
            found = parts_of_records(records, lambda reason, detail: None)
            for number, (text, meta) in enumerate(found, 1):
                if documents and size + num_bytes(text) > budget:
                    break
                documents.append(Document(f"hub:{name}#{number:04d}", text, {**meta, **facts}))
                size += num_bytes(text)
                moving.update(num_bytes(text))
    except Exception as error:
        raise CourseError(f"hub:{name} {_cause(error)}.") from error
    if not documents:
        raise CourseError(f"The data set hub:{name} has no text in it: choose another one.")
    return documents


def _hub_records(name: str, seed: int) -> Iterator[Record]:
    import datasets

    try:
        parts = datasets.load_dataset(name, streaming=True)
    except ValueError as error:  # several variants, none of them the default: take the first
        if "config name is missing" not in str(error).lower():
            raise
        variant = datasets.get_dataset_config_names(name)[0]
        parts = datasets.load_dataset(name, variant, streaming=True)
    part = parts["train"] if "train" in parts else next(iter(parts.values()))
    yield from part.shuffle(seed=seed, buffer_size=SHUFFLED)


def _cause(error: Exception) -> str:
    """What went wrong and what to do, for the reader."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return "is only given to people who accepted its terms: do so on its page, then log in"
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return "is no public data set of the hub: check how the name is written"
    if isinstance(error, OSError) or "http" in type(error).__module__:
        return "cannot be read, because the Hugging Face hub cannot be reached: go online"
    return f"could not be read ({' '.join(str(error).split())[:150]}): choose another data set"


def _own(wanted: str, budget: int) -> Corpus:
    path = files.clean_path(wanted)
    if not path.exists():
        raise CourseError(
            f"There is no file or folder {wanted!r}, and no built-in corpus of that name: "
            f"give a path that exists, hub:NAME, or one of {', '.join(BUILTIN)}."
        )

    def make() -> Corpus:
        reading = files.read_folder_or_file(path, budget=budget)
        kept, seen = reading.kept_bytes, reading.seen_bytes
        said = f"A seeded sample: {megabytes(kept)} of {megabytes(seen)} of text."
        notes = [said] if kept < seen else []
        guesses = [f"{s.path}: {s.detail}." for s in reading.skipped if s.reason == "note"]
        more = f"{len(guesses) - MAX_GUESSES:,} more files were read with a guess."
        notes += guesses if len(guesses) <= MAX_GUESSES else [*guesses[:MAX_GUESSES], more]
        skipped = [skip for skip in reading.skipped if skip.reason != "note"]
        facts = {"name": path.name or str(path), "source": str(path)}
        return _corpus(reading.documents, skipped=skipped, notes=notes, **facts)

    key = _digest(f"{path}|{budget}|{files.fingerprint(path)}")
    return _cached(f"own-{_digest(str(path))}", key, make)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _cached(slot: str, key: str, make: Callable[[], Corpus]) -> Corpus:
    """The corpus from the cache if ``key`` still fits, else made anew and cached.

    One file a slot: making it anew replaces the old one. A cache that cannot be read is made
    again; one that cannot be written (a full disk) only costs the time at the next start.
    """
    path, key = places.cache_folder() / f"corpus-{slot}.arrow", f"{code_version()}-{key}"
    corpus = _read_cache(path, key)
    if corpus is None:
        corpus = make()
        with contextlib.suppress(OSError):
            _write_cache(path, key, corpus)
    return corpus


@functools.cache
def code_version(folder: Path = Path(__file__).parent) -> str:
    """A hash of the sources that read, cut and split: caches are made anew when one changes."""
    sources = (path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(b"\0".join(sources)).hexdigest()[:12]


def _read_cache(path: Path, key: str) -> Corpus | None:
    try:
        with pa.memory_map(str(path)) as memory:
            table = pa.ipc.open_file(memory).read_all()
        facts = json.loads(table.schema.metadata[b"course"])
        if facts.pop("key") != key:
            return None
        facts["skipped"] = [Skipped(**skip) for skip in facts["skipped"]]
        return Corpus(table.replace_schema_metadata(None), **facts)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None


def _write_cache(path: Path, key: str, corpus: Corpus) -> None:
    facts = {field.name: getattr(corpus, field.name) for field in fields(corpus)[1:]}
    facts |= {"key": key, "skipped": [asdict(skip) for skip in corpus.skipped]}
    table = corpus.table.replace_schema_metadata({"course": json.dumps(facts)})
    with (
        atomic_write(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write_table(table, max_chunksize=4096)
