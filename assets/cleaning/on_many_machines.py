"""Clean Parquet or JSON Lines files on several processes or machines, with datatrove.

    python assets/cleaning/on_many_machines.py INPUT OUTPUT [--workers 2] [--executor slurm]

INPUT is a folder of ``.parquet`` files with the columns id and text, or of ``.jsonl`` files whose
lines are ``{"id": …, "text": …}``; other columns become metadata.
``corpus.to_dataset().to_parquet("in/0.parquet")`` writes one. OUTPUT gets the documents
(``documents/``), what was removed and why (``removed/``), datatrove's own records (``records/``).

datatrove is the engine behind FineWeb. The work is cut into tasks, one for each file, and every
task runs through a list of blocks: datatrove's readers, its Gopher filter and its MinHash (four
jobs, because duplicates may lie in any two files: signatures, buckets, clusters, filter), and steps
of the course in a small adapter. What meets in a bucket is not compared, as ``drop_near`` does it.
Documents without text are passed over by datatrove's readers.

Start the same command again after a crash: tasks that were done are not repeated.

local   processes of this machine; needs nothing but datatrove (and orjson for JSON Lines)
slurm   a cluster with Slurm: start it on the login node; adapt PARTITION and TIME. The folders and
        this environment must be visible from all nodes
ray     a running Ray cluster (``pip install ray``, ``ray start``): start it on the head node
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
from datatrove.data import Document as TroveDocument
from datatrove.executor.base import PipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.filters import GopherQualityFilter
from datatrove.pipeline.readers import JsonlReader, ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.word_tokenizers import WordTokenizer

from course_lib.cleaning.personal import mask_documents
from course_lib.cleaning.repair import drop_empty, repair_encoding
from course_lib.cleaning.steps import RemovalLog, Step
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.words import split_words
from course_lib.workbook.settings import atomic_write

PARTITION, TIME = "cpu", "04:00:00"
BEFORE = {"encoding": repair_encoding, "empty": drop_empty}
AFTER = {"personal data": mask_documents}
HASHES = HashConfig(hash_fc="sha1")  # its default, xxhash, takes no strings since version 4
MINHASH = MinhashConfig(hash_config=HASHES)  # its defaults are FineWeb's: 14 × 8, 5-grams
SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string()), ("metadata", pa.string())])


class CourseWords(WordTokenizer):
    """The course's words and marks for datatrove's blocks, whose own tokenizers ask for spaCy."""

    def word_tokenize(self, text: str) -> list[str]:
        return split_words(text)

    def sent_tokenize(self, text: str) -> list[str]:
        return text.splitlines()

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        raise NotImplementedError


WORDS = CourseWords()


class CourseStep(PipelineStep):
    """One step of the course as a block. Each task writes its log: ``folder/name/00000.jsonl``."""

    type = "🧹 - STEP"

    def __init__(self, name: str, step: Step, folder: Path) -> None:
        self.name = name
        super().__init__()
        self.step, self.folder = step, folder / name

    def run(
        self, data: Iterable[TroveDocument], rank: int = 0, world_size: int = 1
    ) -> Iterator[TroveDocument]:
        log = RemovalLog()
        documents = (Document(d.id, d.text, d.metadata) for d in data)
        for document in self.step(documents, log):
            yield TroveDocument(text=document.text, id=document.id, metadata=document.meta)
        with atomic_write(self.folder / f"{rank:05d}.jsonl") as path:
            lines = (json.dumps(asdict(entry)) + "\n" for entry in log.entries)
            path.write_text("".join(lines), encoding="ascii")


def _row(_: ParquetWriter, document: TroveDocument) -> dict[str, str]:
    return {
        "id": document.id,
        "text": document.text,
        "metadata": json.dumps(document.metadata, ensure_ascii=False),
    }


def writer(folder: Path) -> ParquetWriter:
    """One file a task; a task that runs again writes its own anew."""
    return ParquetWriter(str(folder), adapter=_row, schema=SCHEMA)


def clean(
    source: Path, output: Path, workers: int = 2, kind: str = "local", before: dict = BEFORE
) -> Path:
    """Run all jobs, one after the other; returns the folder with the documents that are left."""
    files = {suffix: list(source.glob(f"*.{suffix}")) for suffix in ("parquet", "jsonl")}
    if not any(files.values()):
        raise SystemExit(f"There is no .parquet or .jsonl file in {source}.")
    suffix = "parquet" if files["parquet"] else "jsonl"
    reader = {"parquet": ParquetReader, "jsonl": JsonlReader}[suffix]
    removed, passed = output / "removed", str(output / "1_passed")
    signatures, pairs, clusters = (str(output / f"2_{n}") for n in ("signatures", "pairs", "gone"))
    num_files = len(files[suffix])
    jobs = {  # name: (blocks, tasks)
        "1_single": (
            [
                reader(str(source), glob_pattern=f"*.{suffix}", recursive=False),
                *(CourseStep(name, step, removed) for name, step in before.items()),
                GopherQualityFilter(language=WORDS, exclusion_writer=writer(removed / "gopher")),
                *(CourseStep(name, step, removed) for name, step in AFTER.items()),
                writer(Path(passed)),
            ],
            num_files,
        ),
        "2_signatures": (
            [ParquetReader(passed), MinhashDedupSignature(signatures, MINHASH, language=WORDS)],
            num_files,
        ),
        "3_buckets": (
            [MinhashDedupBuckets(signatures, pairs, config=MINHASH)],
            MINHASH.num_buckets,
        ),
        "4_clusters": ([MinhashDedupCluster(pairs, clusters, config=MINHASH)], 1),
        "5_filter": (
            [
                ParquetReader(passed),
                MinhashDedupFilter(clusters, exclusion_writer=writer(removed / "near duplicates")),
                writer(output / "documents"),
            ],
            num_files,
        ),
    }
    last = None
    for name, (blocks, tasks) in jobs.items():
        last = executor(kind, blocks, tasks, workers, output / "records" / name, last)
    last.run()
    return output / "documents"


def executor(
    kind: str, blocks: list, tasks: int, workers: int, records: Path, depends: object
) -> PipelineExecutor:
    """datatrove's executor of this kind, to be started after ``depends``."""
    common = {"tasks": tasks, "workers": workers, "logging_dir": str(records), "depends": depends}
    if kind == "slurm":
        from datatrove.executor import SlurmPipelineExecutor

        return SlurmPipelineExecutor(blocks, partition=PARTITION, time=TIME, **common)
    if kind == "ray":
        from datatrove.executor import RayPipelineExecutor

        return RayPipelineExecutor(blocks, **common)
    from datatrove.executor import LocalPipelineExecutor

    return LocalPipelineExecutor(blocks, **common)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--executor", choices=("local", "slurm", "ray"), default="local")
    asked = parser.parse_args()
    clean(asked.input, asked.output, asked.workers, asked.executor)


if __name__ == "__main__":
    main()
