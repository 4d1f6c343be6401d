"""A corpus: documents on an Arrow table, their split, and what was skipped on the way."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [("id", pa.string()), ("text", pa.large_string()), ("meta", pa.string()), ("part", pa.string())]
)
TRAIN, VALIDATION = "train", "validation"
EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")  # bounded: never slow


@dataclass(frozen=True, slots=True)
class Document:
    """One document. ``id`` is unique and stable; ``meta`` holds short facts (title, licence, …)."""

    id: str
    text: str
    meta: dict[str, str | int] = field(default_factory=dict)


class Skipped(NamedTuple):
    """A file, or a part of one, that could not be used, and why. ``reason`` is a short code."""

    path: str
    reason: str
    detail: str = ""


def stable_hash(text: str, seed: int = 0) -> float:
    """A number in [0, 1) that is the same on every machine, for choosing without chance."""
    key = seed.to_bytes(8, "little", signed=True)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key)
    return int.from_bytes(digest.digest(), "little") / 2**64


def text_hash(text: str) -> str:
    """The first 16 digits of a text's SHA-256: its name in lists of documents."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def mask_emails(text: str) -> str:
    """``text`` with e-mail addresses replaced, for showing documents of other people."""
    return EMAIL.sub("[e-mail]", text)


def num_bytes(text: str) -> int:
    """Bytes of the text in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def megabytes(count: int) -> str:
    """A number of bytes as people say it (1 MB = 1,000,000 bytes)."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def table_of(documents: Sequence[Document], parts: Sequence[str]) -> pa.Table:
    """Documents as an Arrow table with the columns id, text, meta (JSON) and part."""
    columns = {
        "id": [document.id for document in documents],
        "text": [d.text.encode("utf-8", "replace").decode("utf-8") for d in documents],
        "meta": [json.dumps(document.meta, ensure_ascii=False) for document in documents],
        "part": list(parts),
    }
    return pa.table(columns, schema=SCHEMA)


@dataclass(eq=False, repr=False)
class Corpus(Sequence[Document]):
    """A sequence of documents with a fixed train and validation part.

    name      what the reader calls it (``python-docs (small)``, a folder's name)
    source    what was asked for; ``load_corpus(source)`` gives the same corpus again
    skipped   files that could not be used
    notes     sentences that the reader should see (what was sampled, how it was split)
    manifest  facts about the origin: versions, counts, licences
    """

    table: pa.Table
    _: KW_ONLY
    name: str
    source: str
    skipped: Sequence[Skipped] = ()
    notes: Sequence[str] = ()
    manifest: dict = field(default_factory=dict)

    def __len__(self) -> int:
        return self.table.num_rows

    def __getitem__(self, index: int) -> Document:
        if not -len(self) <= index < len(self):
            raise IndexError(f"the corpus has {len(self)} documents, there is no number {index}")
        return next(iter(replace(self, table=self.table.slice(index % len(self), 1))))

    def __iter__(self) -> Iterator[Document]:
        for batch in self.table.to_batches(max_chunksize=512):
            rows = zip(*(batch.column(c).to_pylist() for c in ("id", "text", "meta")), strict=True)
            for identity, text, meta in rows:
                yield Document(identity, text, json.loads(meta))

    def texts(self) -> Iterator[str]:
        """The documents' texts, one after the other."""
        for batch in self.table.select(["text"]).to_batches(max_chunksize=512):
            yield from batch.column(0).to_pylist()

    def text(self, separator: str = "\n\n") -> str:
        """All documents as one string."""
        return separator.join(self.texts())

    def select(self, rows: Sequence[int] | np.ndarray) -> "Corpus":
        """The documents with these row numbers, in this order, as a corpus."""
        return replace(self, table=self.table.take(pa.array(np.asarray(rows, dtype=np.int64))))

    @cached_property
    def train(self) -> "Corpus":
        """The documents to learn from."""
        return replace(self, table=self.table.filter(pc.equal(self.table["part"], TRAIN)))

    @cached_property
    def validation(self) -> "Corpus":
        """The documents to be judged on. None has a near-duplicate in ``train``."""
        return replace(self, table=self.table.filter(pc.equal(self.table["part"], VALIDATION)))

    @cached_property
    def sizes(self) -> np.ndarray:
        """UTF-8 bytes of each document."""
        return np.fromiter(map(num_bytes, self.texts()), np.int64, len(self))

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of text in all."""
        return int(self.sizes.sum())

    @cached_property
    def words(self) -> int:
        """Words, counted as runs of non-blank characters."""
        return sum(len(text.split()) for text in self.texts())

    def sample(self, max_bytes: int, seed: int = 0) -> "Corpus":
        """At most ``max_bytes`` of text: whole documents, chosen by a seeded hash of their ids.

        The same documents on every machine; the order of the corpus is kept. One document at
        least is always taken.
        """
        if self.bytes <= max_bytes:
            return self
        order = np.argsort([stable_hash(i, seed) for i in self.table["id"].to_pylist()])
        taken = max(1, int(np.searchsorted(np.cumsum(self.sizes[order]), max_bytes, side="right")))
        kept = int(self.sizes[order[:taken]].sum())
        note = f"A seeded sample: {megabytes(kept)} of {megabytes(self.bytes)} of text."
        return replace(self.select(np.sort(order[:taken])), notes=[*self.notes, note])

    def joined(self, other: "Corpus") -> "Corpus":
        """This corpus followed by another one; each document keeps its part."""
        return replace(
            self,
            table=pa.concat_tables([self.table, other.table]),
            name=f"{self.name} + {other.name}",
            notes=[*self.notes, *other.notes],
            manifest={**other.manifest, **self.manifest},
        )

    def describe(self) -> list[tuple[str, str]]:
        """Rows of a small table: what this corpus is, for the reader."""
        return [
            ("corpus", self.name),
            ("documents", f"{len(self):,}"),
            ("text", f"{megabytes(self.bytes)}, {self.words:,} words"),
            ("train / validation", f"{len(self.train):,} / {len(self.validation):,} documents"),
            ("skipped files", f"{len(self.skipped):,}"),
            *(("note", note) for note in self.notes),
        ]

    def __repr__(self) -> str:
        return f"Corpus({self.name!r}, {len(self):,} documents, {megabytes(self.bytes)})"
