"""Time and memory of every notebook, executed headless on the default corpus.

    python benchmarks/notebooks.py [NAMES]

measures all notebooks, or those named and keeps what was measured of the others. It prints a table,
writes ``benchmarks/results/notebooks.json``, and renews the README's table
between its two marks, and two columns of ``slides/teaching/where_it_runs.md``. The minutes to work through a notebook are an estimate from its text:
130 words a minute, a quarter of a minute a code cell, and the minutes that its exercises state.
"""

import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import nbformat

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
TEACHING = REPOSITORY / "slides" / "teaching" / "where_it_runs.md"
MARKED = re.compile(r"(<!-- notebooks:.*?-->\n).*?(<!-- /notebooks -->)", re.DOTALL)
RESULTS = REPOSITORY / "benchmarks" / "results" / "notebooks.json"
CHILD = """
import sys
from pathlib import Path
import nbformat
from course_lib.workbook.run import execute
sys.exit(execute(nbformat.read(sys.argv[1], as_version=4)) or None)
"""


def measure(path: Path) -> dict[str, float]:
    """Seconds of wall time and the largest process in MB (the kernel, as a rule)."""
    environment = {
        **os.environ,
        "COURSE_HEADLESS": "1",
        "HF_HUB_OFFLINE": "1",
        "COURSE_CORPUS": "python-docs",
    }
    environment["PYTHONPATH"] = str(REPOSITORY)
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", CHILD, str(path)], env=environment, check=True)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": round(seconds, 1), "largest process so far (MB)": round(peak)}


def minutes_to_work_through(notebook: dict) -> int:
    """The estimate of the docstring, rounded to five minutes."""
    text = [c["source"] for c in notebook["cells"] if c["cell_type"] == "markdown"]
    words = sum(len(source.split()) for source in text)
    code = sum(c["cell_type"] == "code" for c in notebook["cells"])
    exercises = sum(
        int(n)
        for source in text
        for n in re.findall(r"^### Exercise.*, (\d+) minutes\)", source, re.M)
    )
    return 5 * round((words / 130 + code / 4 + exercises) / 5)


def readme_table(rows: dict[str, dict[str, float]]) -> str:
    """One line a notebook: name, claim, minutes, seconds."""
    lines = [
        "\n| notebook | claim | minutes to work through | seconds to run on 2 CPU cores |\n",
        "|---|---|---|---|\n",
    ]
    for name, row in rows.items():
        notebook = nbformat.read(REPOSITORY / "notebooks" / f"{name}.ipynb", as_version=4)
        claim = re.search(r"\*\*Claim\.\*\* (.+)$", notebook.cells[0].source, re.MULTILINE)[1]
        minutes = minutes_to_work_through(notebook)
        lines.append(
            f"| [`{name}`](notebooks/{name}.ipynb) | {claim} | {minutes} | {row['seconds']:.0f} |\n"
        )
    return "".join([*lines, "\n"])


def main() -> None:
    names = sorted(path.stem for path in (REPOSITORY / "notebooks").glob("[0-9]*.ipynb"))
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["notebooks"] if sys.argv[1:] else {}
    asked = [name for name in names if name not in kept or name in sys.argv[1:]]
    rows = {name: kept.get(name, {}) for name in names}
    for name in asked:
        rows[name] = measure(REPOSITORY / "notebooks" / f"{name}.ipynb")
    for name, row in rows.items():
        print(f"{name:28} {row['seconds']:7.1f} s {row['largest process so far (MB)']:7,} MB")
    facts = {
        "command": " ".join(["python benchmarks/notebooks.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "notebooks": rows,
    }
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    table = TEACHING.read_text(encoding="utf-8")
    for name, row in rows.items():  # | 05 QLoRA | yes, SmolLM2 | memory | seconds | …
        figures = f"{row['largest process so far (MB)'] / 1000:.1f} | {row['seconds']:.0f}"
        start = rf"^(\| {name.split('_')[0]} [^|]+\|[^|]+\| )[\d.]+ \| \d+"
        table = re.sub(start, lambda m, new=figures: m[1] + new, table, flags=re.MULTILINE)
    TEACHING.write_text(table, encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    README.write_text(
        MARKED.sub(lambda m: m[1] + readme_table(rows) + m[2], readme), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
