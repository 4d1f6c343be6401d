"""Our Word2Vec against gensim's: words a second, quality and memory, in one run.

    python benchmarks/word2vec.py [WORDS …] [--threads 1 2] [--rounds 3]

trains both (skip-gram, 100 numbers, window 5, 5 negatives, 5 epochs) on the same samples of
`python-docs:full`, each training in a process of its own, the two in turn, and keeps the fastest
of the rounds for each. Sizes: 300,000, 1,000,000 and 3,000,000 words, and all. gensim reads the
text from a file of lines (``corpus_file``), its fastest way. AUC is that of the pairs from "See
Also" sections, which are not in the training text. Writes ``benchmarks/results/word2vec.json``.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "word2vec.json"
SIZE, WINDOW, NEGATIVE, EPOCHS, MIN_COUNT = 100, 5, 5, 5, 5
LONGEST_LINE = 10_000  # gensim cuts longer ones off


def prepare(folder: Path, max_words: int) -> Path:
    """Write a sample of about ``max_words`` words, one document a line, and its related pairs."""
    from course_lib.embeddings.counting import see_also_pairs
    from course_lib.workbook.corpus import load_corpus
    from course_lib.workbook.corpus.words import words

    corpus = load_corpus("python-docs:full")
    texts, pairs = see_also_pairs(corpus.sample(max_words * 8))
    path, written = folder / f"{max_words}.txt", 0
    with path.open("w", encoding="utf-8") as stream:
        for text in texts:
            row = words(text)
            for start in range(0, len(row), LONGEST_LINE):
                line = row[start : start + LONGEST_LINE][: max_words - written]
                written += len(line)
                if line:
                    print(*line, file=stream)
    path.with_suffix(".json").write_text(json.dumps(pairs), encoding="utf-8")
    return path


def train_ours(path: Path, threads: int, seed: int) -> tuple[object, float, int]:
    from course_lib.embeddings.word2vec import Word2Vec, Word2VecConfig, build_vocabulary

    with path.open(encoding="utf-8") as stream:
        vocabulary, encoded = build_vocabulary(stream, MIN_COUNT)
    config = Word2VecConfig(SIZE, WINDOW, NEGATIVE, EPOCHS, seed=seed, num_threads=threads)
    model = Word2Vec(vocabulary, config)
    start = time.perf_counter()
    vectors = model.train(encoded).vectors
    return vectors, time.perf_counter() - start, len(encoded)


def train_gensim(path: Path, threads: int, seed: int) -> tuple[object, float, int]:
    from gensim.models import Word2Vec

    from course_lib.embeddings.vectors import WordVectors

    model = Word2Vec(
        vector_size=SIZE,
        window=WINDOW,
        negative=NEGATIVE,
        min_count=MIN_COUNT,
        sg=1,
        workers=threads,
        seed=seed,
    )
    model.build_vocab(corpus_file=str(path))
    kept = sum(model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key)
    start = time.perf_counter()
    model.train(
        corpus_file=str(path),
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=EPOCHS,
    )
    seconds = time.perf_counter() - start
    return WordVectors(model.wv.index_to_key, model.wv.vectors), seconds, kept


def one(method: str, path: Path, threads: int, seed: int) -> None:
    """Train once, in this process, and print what came of it."""
    from course_lib.embeddings.evaluate import related_pairs_score

    vectors, seconds, kept = (train_ours if method == "ours" else train_gensim)(path, threads, seed)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    score = related_pairs_score(
        vectors, json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    )
    facts = {
        "words_a_second": EPOCHS * kept / seconds,
        "auc": score.value,
        "pairs": score.answered,
        "memory_mb": memory,
    }
    print(json.dumps(facts))


def measure(method: str, path: Path, threads: int, seed: int) -> dict:
    command = [sys.executable, __file__, "--one", method, str(path), str(threads), str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "COURSE_HEADLESS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(path: Path, size: int, threads: int, rounds: int) -> dict:
    """Both methods in turn; the fastest round, the mean AUC, the largest memory of each."""
    found = {"ours": [], "gensim": []}
    for seed in range(rounds):
        for method, runs in found.items():
            runs.append(measure(method, path, threads, seed))
    row = {"words": size, "threads": threads}
    for method, runs in found.items():
        row[method] = {
            "words_a_second": round(max(run["words_a_second"] for run in runs)),
            "auc": round(sum(run["auc"] for run in runs) / rounds, 4),
            "memory_mb": round(max(run["memory_mb"] for run in runs)),
        }
    row["ratio"] = round(row["ours"]["words_a_second"] / row["gensim"]["words_a_second"], 2)
    row["pairs"] = found["ours"][0]["pairs"]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "words", type=int, nargs="*", default=[300_000, 1_000_000, 3_000_000, 10_000_000]
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for most in asked.words:
            path = prepare(Path(folder), most)
            size = sum(len(line.split()) for line in path.open(encoding="utf-8"))
            for threads in asked.threads:
                rows.append(compare(path, size, threads, asked.rounds))
                print(rows[-1], flush=True)
    import gensim
    import torch

    facts = {
        "command": "python benchmarks/word2vec.py " + " ".join(sys.argv[1:]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": f"torch {torch.__version__}, gensim {gensim.__version__}",
        "settings": f"skip-gram, {SIZE} numbers, window {WINDOW}, {NEGATIVE} negatives, "
        f"{EPOCHS} epochs",
        "rounds": asked.rounds,
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
    else:
        main()
