"""The cleaning steps: megabytes a second, growth, memory; MinHash against datasketch in one run.

    python benchmarks/cleaning.py [--small 1 10] [--large 1 10 100] [--documents 10000]
                                  [--seeds 3] [--smoke]

1. *steps*: each step in a process of its own, processor time of one core, on samples of
   `python-docs:full`. Steps that look at one document at a time are measured at the ``--small``
   sizes (in MB), those that compare documents at the ``--large`` ones. Beyond the size of the
   corpus its documents come again with other words (each word exchanged for one of the same
   length), so that there are no more duplicates than before.
2. *pipeline*: peak memory of repairs, masks and all searches for duplicates in a row, at the
   largest size.
3. *datasketch*: the same documents, word 5-grams, 14 × 8, with and without cutting into words,
   with datasketch's own hash function and with the faster CRC that ours uses; recall of the exact
   pairs with a Jaccard similarity of at least 0.8, mean over seeds; both verify their candidates.

Writes ``benchmarks/results/cleaning.json``. About five minutes on two quiet cores.
"""

import argparse
import json
import os
import platform
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "cleaning.json"
BANDS, ROWS, THRESHOLD = 14, 8, 0.8
_WORD = re.compile("[A-Za-z]+")


def steps() -> tuple[dict[str, Callable], dict[str, Callable]]:
    """Steps that look at one document at a time, and steps that compare documents."""
    from course_lib.cleaning import duplicates, filters, personal, repair
    from course_lib.workbook.corpus.words import split_words

    single = {"repair encoding": repair.repair_encoding}
    single |= {
        "main text": repair.extract_pages,
        "language": filters.keep_languages,
        "repetition": partial(filters.drop_repetitive, split=split_words),
        "quality": partial(filters.drop_low_quality, split=split_words),
        "FineWeb": partial(filters.drop_fineweb, split=split_words),
    }
    single["personal data"] = personal.mask_documents
    together = {
        "exact copies": duplicates.drop_exact,
        "repeated lines": duplicates.drop_repeated_lines,
        "near duplicates": partial(duplicates.drop_near, bands=BANDS, rows=ROWS),
        "repeated passages": duplicates.drop_passages,
    }
    return single, together


def remixed(texts: list[str], seed: int) -> Iterator[str]:
    """The texts with each word exchanged for another one of its length, always the same one."""
    by_length = defaultdict(list)
    for word in sorted({word for text in texts for word in _WORD.findall(text)}):
        by_length[len(word)].append(word)
    table = {}
    for own in by_length.values():
        table.update(zip(own, random.Random(seed).sample(own, len(own)), strict=True))
    for text in texts:
        yield _WORD.sub(lambda found: table[found[0]], text)


def prepare(folder: Path, megabytes: float) -> Path:
    """A file of documents with about so much text."""
    from course_lib.workbook.corpus import Document, load_corpus

    size = int(megabytes * 1e6)
    sample = list(load_corpus("python-docs:full").sample(size))
    path = folder / f"{megabytes:g}.jsonl"

    def enough() -> Iterator[Document]:
        written, again = 0, 0
        while written < size:
            texts = [document.text for document in sample]
            for document, text in zip(
                sample, remixed(texts, again) if again else texts, strict=True
            ):
                written += len(text.encode("utf-8", "replace"))
                yield Document(f"{document.id}~{again}", text)
                if written >= size:
                    return
            again += 1

    with path.open("w", encoding="ascii") as file:
        file.writelines(json.dumps([document.id, document.text]) + "\n" for document in enough())
    return path


def stored(path: Path) -> Iterator:
    """The documents of a file, one at a time."""
    from course_lib.workbook.corpus import Document

    with path.open(encoding="ascii") as file:
        for line in file:
            yield Document(*json.loads(line))


def one_step(name: str, path: Path) -> None:
    """Run one step on a file, in this process, and print what it took."""
    from course_lib.cleaning.steps import RemovalLog

    single, together = steps()
    documents = list(stored(path))
    size = sum(len(document.text.encode("utf-8", "replace")) for document in documents)
    step = (single | together)[name]
    list(step(iter(documents[:5]), RemovalLog()))  # models and tables that are loaded once
    start = time.process_time()
    left = sum(1 for _ in step(iter(documents), RemovalLog()))
    seconds = time.process_time() - start
    print(
        json.dumps(
            {
                "step": name,
                "mb": round(size / 1e6, 2),
                "documents": len(documents),
                "left": left,
                "mb_a_second": round(size / 1e6 / seconds, 2),
                "documents_a_second": round(len(documents) / seconds),
            }
        )
    )


def pipeline(path: Path) -> None:
    """Repairs, masks and all searches for duplicates in a row, and print the peak memory."""
    from course_lib.cleaning.repair import drop_empty
    from course_lib.cleaning.steps import run_steps

    single, together = steps()
    chosen = {name: single[name] for name in ("repair encoding", "personal data")}
    start = time.process_time()
    run = run_steps(stored(path), {**chosen, "empty": drop_empty, **together})
    print(
        json.dumps(
            {
                "mb": round(run.stages[0].num_bytes / 1e6, 1),
                "documents": run.stages[0].num_documents,
                "left": run.stages[-1].num_documents,
                "seconds": round(time.process_time() - start, 1),
                "peak_memory_mb": round(peak_memory() / 1e6),
            }
        )
    )


def peak_memory() -> int:
    """Bytes. Linux' own figure where there is one: the other counts the parent process, too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))[1]) * 1_024
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class Theirs:
    """Clusters with datasketch: shingles, sketches, index, verification; processor seconds."""

    def __init__(self, tokens: list[list[str]], seed: int, hash_function: Callable | None) -> None:
        from datasketch import MinHash, MinHashLSH

        options = {"hashfunc": hash_function} if hash_function else {}
        start = time.process_time()
        grams = [
            {" ".join(row[i : i + 5]).encode() for i in range(max(1, len(row) - 4))}
            for row in tokens
        ]
        index = MinHashLSH(params=(BANDS, ROWS), num_perm=BANDS * ROWS)
        self.kept = list(range(len(tokens)))
        for row, own in enumerate(grams):
            sketch = MinHash(num_perm=BANDS * ROWS, seed=seed, **options)
            sketch.update_batch(list(own))
            for other in index.query(sketch):
                if len(own & grams[other]) >= THRESHOLD * len(own | grams[other]):
                    self._join(row, other)
            index.insert(row, sketch, check_duplication=False)
        self.seconds = time.process_time() - start

    def root(self, row: int) -> int:
        while self.kept[row] != row:
            self.kept[row] = self.kept[self.kept[row]]
            row = self.kept[row]
        return row

    def _join(self, row: int, other: int) -> None:
        low, high = sorted((self.root(row), self.root(other)))
        self.kept[high] = low


def exact_pairs(texts: list[str], threshold: float, block: int = 500) -> list[tuple[int, int]]:
    """All pairs of rows (first < second) whose exact similarity is at least ``threshold``.

    A product of sparse matrices (documents × shingles) counts what each two texts share.
    """
    import numpy as np
    from scipy.sparse import csr_array

    from course_lib.workbook.corpus import minhash

    hashes, starts = minhash.shingles(texts)
    codes, columns = np.unique(hashes, return_inverse=True)
    ones = np.ones(len(hashes), np.int32)
    table = csr_array((ones, columns, starts), shape=(len(texts), len(codes)))
    sizes = np.diff(starts)
    pairs: list[tuple[int, int]] = []
    for begin in range(0, len(texts), block):
        shared = (table[begin : begin + block] @ table.T).tocoo()
        first, second = shared.coords[0] + begin, shared.coords[1]
        alike = shared.data / (sizes[first] + sizes[second] - shared.data)
        chosen = (alike >= threshold) & (first < second)
        pairs += zip(first[chosen].tolist(), second[chosen].tolist(), strict=True)
    return sorted(pairs)


def against_datasketch(count: int, seeds: int) -> dict:
    """Both on the same documents, in turn; the fastest seed for speed, the mean for recall."""
    import datasketch

    from course_lib.cleaning.duplicates import find_clusters
    from course_lib.workbook.corpus import load_corpus
    from course_lib.workbook.corpus.words import words

    texts = [text for text in load_corpus("python-docs:full").texts() if len(words(text)) >= 5]
    texts = random.Random(0).sample(texts, min(count, len(texts)))
    pairs = exact_pairs(texts, THRESHOLD)
    tokens = [words(text) for text in texts]
    grams = [{tuple(row[i : i + 5]) for i in range(len(row) - 4)} for row in tokens]
    times: dict[str, list[float]] = defaultdict(list)
    recall: dict[str, list[float]] = defaultdict(list)
    wrong = 0
    for seed in range(1, seeds + 1):
        start = time.process_time()
        for text in texts:
            words(text)
        times["words"].append(time.process_time() - start)
        start = time.process_time()
        found = find_clusters(texts, bands=BANDS, rows=ROWS, threshold=THRESHOLD, seed=seed)
        times["ours"].append(time.process_time() - start)
        recall["ours"].append(sum(found.kept[a] == found.kept[b] for a, b in pairs) / len(pairs))
        for row, match in enumerate(found.match.tolist()):  # by sets of words, without any hash
            wrong += len(grams[row] & grams[match]) < THRESHOLD * len(grams[row] | grams[match])
        for name, function in (("datasketch", None), ("datasketch, CRC", zlib.crc32)):
            theirs = Theirs(tokens, seed, function)
            times[name].append(theirs.seconds)
            recall[name].append(
                sum(theirs.root(a) == theirs.root(b) for a, b in pairs) / len(pairs)
            )
    best = {name: min(values) for name, values in times.items()}
    rivals = [name for name in best if name.startswith("datasketch")]
    return {
        "documents": len(texts),
        "mb": round(sum(map(len, texts)) / 1e6, 2),
        "pairs": len(pairs),
        "seeds": seeds,
        "datasketch": datasketch.__version__,
        "ratio_with_words": {n: round((best[n] + best["words"]) / best["ours"], 2) for n in rivals},
        "ratio_without_words": {
            n: round(best[n] / (best["ours"] - best["words"]), 2) for n in rivals
        },
        "recall": {name: round(sum(values) / seeds, 4) for name, values in recall.items()},
        "removed_wrongly": wrong,
    }


def alone(*arguments: str) -> dict:
    """The same script with other arguments, in a fresh process on one thread."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "COURSE_HEADLESS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=float, nargs="+", default=[1, 10])
    parser.add_argument("--large", type=float, nargs="+", default=[1, 10, 100])
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--smoke", action="store_true", help="tiny sizes; prints and writes no results"
    )
    asked = parser.parse_args()
    if asked.smoke:
        asked.small, asked.large, asked.documents, asked.seeds = [0.2], [0.2, 0.5], 1_000, 1
    single, together = steps()
    found: dict = {"steps": []}
    with tempfile.TemporaryDirectory() as folder:
        paths = {size: prepare(Path(folder), size) for size in sorted({*asked.small, *asked.large})}
        for names, sizes in ((single, asked.small), (together, asked.large)):
            for name in names:
                for size in sizes:
                    found["steps"].append(alone("--one", name, str(paths[size])))
                    print(found["steps"][-1], flush=True)
        found["pipeline"] = alone("--pipeline", str(paths[max(asked.large)]))
    print(found["pipeline"], flush=True)
    found["against_datasketch"] = alone("--datasketch", str(asked.documents), str(asked.seeds))
    print(found["against_datasketch"], flush=True)
    if asked.smoke:
        return
    import numpy

    facts = {
        "command": " ".join(["python benchmarks/cleaning.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": f"Python {platform.python_version()}, numpy {numpy.__version__}",
    }
    RESULTS.write_text(json.dumps({**facts, **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--one", name, path]:
            one_step(name, Path(path))
        case ["--pipeline", path]:
            pipeline(Path(path))
        case ["--datasketch", count, seeds]:
            print(json.dumps(against_datasketch(int(count), int(seeds))))
        case _:
            main()
