"""Clean JSON Lines files on several processes or machines: the course's steps as blocks of datatrove.

    python assets/cleaning/on_many_machines.py INPUT OUTPUT [--workers 2] [--executor local|slurm|ray]

INPUT is a folder of ``.jsonl`` files, each line ``{"id": …, "text": …, "meta": {…}}``. Two jobs, the second after the
first: (1) steps that look at one document at a time, one task for each file, many at once; (2) steps that
compare documents, in one task, because they must see them all. OUTPUT gets the documents
(``2_together/00000.jsonl``), the removal logs (``removed/``) and datatrove's own records (``records/``).
Start the same command again after a crash: tasks that were done are not repeated.

local   processes of this machine; needs nothing but datatrove
slurm   a cluster with Slurm: start it on the login node; adapt PARTITION and TIME. The folders and
        this environment must be visible from all nodes
ray     a running Ray cluster (``pip install ray``, ``ray start``): start it on the head node
"""

import argparse
from functools import partial
from pathlib import Path

from datatrove.executor.base import PipelineExecutor
from datatrove.pipeline.base import PipelineStep

from course_lib.cleaning.blocks import ReadBlock, StepBlock, WriteBlock
from course_lib.cleaning.exact import drop_exact
from course_lib.cleaning.near import drop_near
from course_lib.cleaning.personal import mask_documents
from course_lib.cleaning.repair import drop_empty, normalise, repair_encoding
from course_lib.cleaning.substrings import drop_passages

PARTITION, TIME = "cpu", "04:00:00"
SINGLE = {  # one document at a time
    "encoding": repair_encoding,
    "normal form": normalise,
    "empty": drop_empty,
    "personal data": mask_documents,
}
TOGETHER = {  # must see all documents
    "exact copies": drop_exact,
    "near duplicates": partial(drop_near, seed=1),
    "repeated passages": drop_passages,
}


def job(source: Path, target: Path, steps: dict, removed: Path) -> list[PipelineStep]:
    """Read, all steps, write. Files are read in the order of their names, so the outcome is that of a plain loop."""
    blocks = [StepBlock(name, step, removed) for name, step in steps.items()]
    return [ReadBlock(source), *blocks, WriteBlock(target)]


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


def clean(
    source: Path, output: Path, workers: int = 2, kind: str = "local", single: dict = SINGLE
) -> Path:
    """Run both jobs; returns the file with the documents that are left."""
    tasks = len(list(source.glob("*.jsonl")))
    if not tasks:
        raise SystemExit(f"There is no .jsonl file in {source}.")
    removed, records = output / "removed", output / "records"
    blocks = job(source, output / "1_single", single, removed)
    first = executor(kind, blocks, tasks, workers, records / "1_single", None)
    blocks = job(output / "1_single", output / "2_together", TOGETHER, removed)
    executor(kind, blocks, 1, 1, records / "2_together", first).run()
    return output / "2_together" / "00000.jsonl"


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
