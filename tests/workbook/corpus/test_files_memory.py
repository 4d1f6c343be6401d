"""What reading costs: a large file must not be held in memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from file_makers import write_parquet

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the module resource is not on Windows"
)
MEASURE = """
import resource, sys
from course_lib.workbook.corpus import files
unit = 1 if sys.platform == "darwin" else 1024
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
before = peak()
reading = files.read_folder_or_file(sys.argv[1])
print(peak() - before, reading.seen_bytes, len(reading.documents))
"""
BLOCK = "".join(f"Line {number} of a long story – told slowly.\n\n" for number in range(25_000))


def cost(path: Path) -> tuple[int, int, int]:
    """Bytes that the peak of the memory grows by, bytes seen, documents kept."""
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "COURSE_HEADLESS": "1"},
    )
    assert run.returncode == 0, run.stderr
    growth, seen, kept = map(int, run.stdout.split())
    return growth, seen, kept


def write_blocks(path: Path, size: int, block: str = BLOCK) -> int:
    data = block.encode("utf-8")
    with path.open("wb") as file:
        for _ in range(size // len(data)):
            file.write(data)
    return size // len(data)


def test_a_text_file_of_300_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    count = write_blocks(path, 300_000_000)
    growth, seen, kept = cost(path)
    path.unlink()
    assert growth < 250e6 and kept > 100
    assert 0.99 * count * len(BLOCK.encode()) < seen <= count * len(BLOCK.encode())


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json", ".parquet"])
def test_tables_of_60_megabytes(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"long{ending}"
    words = "so the story goes on and on "
    if ending == ".parquet":
        write_parquet(
            path, {"text": [f"{n} {words * 40}" for n in range(50_000)]}, row_group_size=50_000
        )
    else:
        row = {".csv": f'1,"{words * 40}"\n', ".jsonl": f'{{"text": "{words * 40}"}}\n'}
        row[".json"] = row[".jsonl"].strip() + ",\n"
        start, end = {".csv": ("id,text\n", ""), ".json": ('{"data": [', "{}]}")}.get(
            ending, ("", "")
        )
        path.write_text(
            start + row[ending] * (60_000_000 // len(row[ending])) + end, encoding="utf-8"
        )
    growth, seen, kept = cost(path)
    assert seen > 50_000_000 and kept > 1000 and growth < 250e6


@pytest.mark.thorough
def test_a_text_file_of_two_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    write_blocks(path, 2_000_000_000)
    growth, seen, _ = cost(path)
    path.unlink()
    assert growth < 500e6 and seen > 1_900_000_000


@pytest.mark.thorough
def test_a_folder_of_fifty_thousand_files(tmp_path: Path) -> None:
    for number in range(50_000):
        folder = tmp_path / f"{number // 1000}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(f"note {number}", encoding="utf-8")
    growth, _, kept = cost(tmp_path)
    assert kept == 50_000 and growth < 250e6
