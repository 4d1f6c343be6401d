"""Minutes and memory of every notebook, executed headless on the default corpus.

    python benchmarks/notebooks.py [NAMES]

prints a table and writes ``benchmarks/results/notebooks.json``; the README's table takes its
minutes from there.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
RESULTS = REPOSITORY / "benchmarks" / "results" / "notebooks.json"
CHILD = """
import sys
from pathlib import Path
from course_lib.workbook.toolchain.execute import execute
result = execute(Path(sys.argv[1]))
if result.failure:
    sys.exit(str(result.failure))
"""


def measure(path: Path) -> dict[str, float]:
    """Seconds of wall time and the largest process in MB (the kernel, as a rule)."""
    environment = {**os.environ, "COURSE_HEADLESS": "1", "HF_HUB_OFFLINE": "1", "COURSE_CORPUS": "python-docs"}
    environment["PYTHONPATH"] = str(REPOSITORY)
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", CHILD, str(path)], env=environment, check=True)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": round(seconds, 1), "largest process so far (MB)": round(peak)}


def main() -> None:
    names = sys.argv[1:] or sorted(path.stem for path in (REPOSITORY / "notebooks").glob("[0-9]*.ipynb"))
    rows = {name: measure(REPOSITORY / "notebooks" / f"{name}.ipynb") for name in names}
    for name, row in rows.items():
        print(f"{name:28} {row['seconds']:7.1f} s {row['largest process so far (MB)']:7,} MB")
    facts = {
        "command": "python benchmarks/notebooks.py",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "notebooks": rows,
    }
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
