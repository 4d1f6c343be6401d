"""``load_corpus``: the same kind of corpus from every source, split, and cached."""

import contextlib
import functools
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
from pyarrow import feather

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
    text_hash,
)
from course_lib.workbook.corpus.split import split
from course_lib.workbook.corpus.tables import parts_of_records
from course_lib.workbook.display import bar
from course_lib.workbook.settings import atomic_write

BUDGET = 32_000_000  # bytes of text taken from a corpus of the reader's own
SHUFFLED = 1_000  # records of a hub corpus among which the order is mixed
MAX_NOTES = 10  # on the sample and the files that were read with a guess
BUILTIN = ("python-docs", "python-docs:full", "songbook", "songbook-messy", "handbook")


def load_corpus(source: str | os.PathLike | None = None, *, budget: int = BUDGET) -> Corpus:
    """The corpus that ``source`` names, with its fixed train/validation split.

    source   a name of ``BUILTIN``; a file or folder of the reader's own; ``hub:NAME``;
             None for what the reader chose in notebook 00
    budget   bytes of text kept from an own or a hub corpus; more is sampled, and a note says so

    Raises ``CourseError`` with one sentence when there is nothing to read.
    """
    wanted = str(source if source is not None else settings.corpus_choice()).strip()
    names = {"name": wanted, "source": wanted}
    if wanted in ("python-docs", "python-docs:full"):
        return _python_docs(wanted)
    if wanted in ("songbook", "handbook"):
        return _corpus(getattr(builtin, wanted)(), **names)
    if wanted == "songbook-messy":  # each page keeps the part of its clean song, copies too
        clean = load_corpus("songbook")
        part = dict(zip(*(clean.table[name].to_pylist() for name in ("id", "part")), strict=True))
        pages, defects = builtin.songbook_messy()
        parts = [part[str(page.meta.get("copy_of", page.id))] for page in pages]
        return Corpus(table_of(pages, parts), manifest={"defects": defects}, **names)
    if wanted.startswith("hub:"):  # fetched once; the cache then serves it offline, too
        slot = f"hub-{text_hash(wanted)}"
        return _cached(slot, str(budget), lambda: _corpus(read_hub(wanted, budget), **names))
    return _own(wanted, budget)


def _corpus(documents: Sequence[Document], *, notes: Sequence[str] = (), **facts) -> Corpus:
    """Split the documents and make the corpus."""
    documents, parts, more = split(documents)
    return Corpus(table_of(documents, parts), notes=[*notes, *more], **facts)


def _python_docs(wanted: str) -> Corpus:
    size = "full" if wanted.endswith("full") else "small"
    sources = python_docs.sources(full=size == "full")
    facts = [facts for _, facts in sources.values()]
    versions = {f["origin"]: f.get("version", platform.python_version()) for f in facts}
    manifest = {"versions": versions, "licences": {f["origin"]: f["licence"] for f in facts}}

    def make() -> Corpus:
        documents = list(python_docs.python_docs(sources))
        return _corpus(documents, name=f"python-docs ({size})", source=wanted, manifest=manifest)

    return _cached(f"python-docs-{size}", text_hash(json.dumps(manifest)), make)


def read_hub(source: str, budget: int) -> list[Document]:
    """About ``budget`` bytes of text of a data set of the Hugging Face hub, in a seeded order.

    Streamed: reading stops when the budget is full, so a data set of any size will do. The
    text column is found as in own files; the part ``train`` is taken if there is one. Raises
    ``CourseError`` with one sentence when the hub or the data set cannot be had.
    """
    import datasets
    from huggingface_hub import HfApi

    documents: list[Document] = []
    size, name = 0, source.removeprefix("hub:")
    try:
        info = HfApi().dataset_info(name, timeout=10)  # first of all: is it there?
        licence = (info.card_data or {}).get("license")
        facts = {"source": source, **({"licence": str(licence)} if licence else {})}
        variants = datasets.get_dataset_config_names(name)
        variant = datasets.get_dataset_default_config_name(name) or variants[0]
        parts = datasets.load_dataset(name, variant, streaming=True)
        chosen = parts["train"] if "train" in parts else next(iter(parts.values()))
        records = chosen.shuffle(seed=0, buffer_size=SHUFFLED)
        with bar(None, f"Reading {source}", total=budget, unit="B") as moving:
            found = parts_of_records(records, lambda reason, detail: None)
            for number, (text, meta) in enumerate(found, 1):
                if documents and size + num_bytes(text) > budget:
                    break
                documents.append(Document(f"{source}#{number:04d}", text, {**meta, **facts}))
                size += num_bytes(text)
                moving.update(num_bytes(text))
    except Exception as error:
        raise CourseError(f"{source} {_cause(error)}.") from error
    if not documents:
        raise CourseError(f"The data set {source} has no text in it: choose another one.")
    return documents


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
        notes += [f"{s.path}: {s.detail}." for s in reading.skipped if s.reason == "note"]
        if len(notes) > MAX_NOTES:
            notes[MAX_NOTES:] = [f"{len(notes) - MAX_NOTES:,} more files were read with a guess."]
        skipped = [skip for skip in reading.skipped if skip.reason != "note"]
        facts = {"name": path.name or str(path), "source": str(path)}
        return _corpus(reading.documents, skipped=skipped, notes=notes, **facts)

    key = text_hash(f"{path}|{budget}|{files.fingerprint(path)}")
    return _cached(f"own-{text_hash(str(path))}", key, make)


def _cached(slot: str, key: str, make: Callable[[], Corpus]) -> Corpus:
    """The corpus from the cache if ``key`` still fits, else made anew and cached.

    One file a slot: making it anew replaces the old one. A cache that cannot be read is made
    again; one that cannot be written (a full disk) only costs the time at the next start.
    """
    path, key = places.cache_folder() / f"corpus-{slot}.arrow", f"{code_version()}-{key}"
    with contextlib.suppress(OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        table = feather.read_table(path, memory_map=True)
        facts = json.loads(table.schema.metadata[b"course"])
        if facts.pop("key") == key:
            facts["skipped"] = [Skipped(*skip) for skip in facts["skipped"]]
            return Corpus(table.replace_schema_metadata(None), **facts)
    corpus = make()
    facts = {field.name: getattr(corpus, field.name) for field in fields(corpus)[1:]}
    table = corpus.table.replace_schema_metadata({"course": json.dumps(facts | {"key": key})})
    with contextlib.suppress(OSError), atomic_write(path) as temporary:
        feather.write_feather(table, str(temporary), compression="uncompressed", chunksize=4096)
    return corpus


@functools.cache
def code_version(folder: Path = Path(__file__).parent) -> str:
    """A hash of the sources that read, cut and split: caches are made anew when one changes."""
    return text_hash("".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py"))))
