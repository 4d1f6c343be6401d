"""The worked example on datatrove: two local workers, one of which is killed in the middle."""

import functools
import json
import os
import random
import signal
import string
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from course_lib.cleaning.filters import drop_low_quality
from course_lib.cleaning.steps import run_steps
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.words import split_words

SCRIPT = REPOSITORY / "assets" / "cleaning" / "on_many_machines.py"
DRIVER = """
import os, signal, sys
from pathlib import Path
import multiprocess
import on_many_machines as many

def trouble(documents, log):
    mark = Path(os.environ["TROUBLE_MARK"])
    for document in documents:
        if document.id == os.environ["TROUBLE"] and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield document

if __name__ == "__main__":
    multiprocess.set_forkserver_preload(["on_many_machines"])  # imported once, not by each worker
    many.clean(*map(Path, sys.argv[1:]), before={**many.BEFORE, "trouble": trouble})
"""


def documents() -> list[Document]:
    """Prose of 120 words; of five documents one has an address, one a copy, one is too short."""
    rng = random.Random(0)
    common = "the be to of and that have with river boat lamp gate " * 2 + string.ascii_lowercase
    made = []
    for number in range(80):
        words = " ".join(rng.choices([*common.split(), "wood", "stone", *"xyz"], k=120))
        text = f"{'ann@example.org ' * (number % 5 == 1)}{words} at garden {number}."
        made.append(Document(f"d{number}", text))
        if number % 5 == 0:
            made.append(Document(f"copy{number}", text.replace("garden", "harbour")))
        elif number % 5 == 2:
            made.append(Document(f"short{number}", "Sign in"))
    rng.shuffle(made)
    return made


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_a_killed_worker_costs_its_own_task_only(tmp_path) -> None:
    pytest.importorskip("datatrove")
    import on_many_machines as many

    given, source, output = documents(), tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(4):
        rows = [{"id": d.id, "text": d.text} for d in given[number::4]]
        pq.write_table(pa.Table.from_pylist(rows), source / f"{number}.parquet")
    driver, done = tmp_path / "driver.py", output / "records" / "1_single" / "completions"
    driver.write_text(DRIVER, encoding="utf-8")
    mark = tmp_path / "mark"
    added = {"TROUBLE": given[3::4][-1].id, "TROUBLE_MARK": str(mark)}
    added["PYTHONPATH"] = os.pathsep.join([os.environ["PYTHONPATH"], str(SCRIPT.parent)])
    quiet = {"env": {**os.environ, **added}, "stderr": subprocess.DEVNULL}
    command = [sys.executable, str(driver), str(source), str(output)]

    def completed() -> dict[str, float]:
        return {path.name: path.stat().st_mtime for path in done.glob("*")}

    first = subprocess.Popen(command, start_new_session=True, **quiet)
    end = time.monotonic() + 90
    while (len(completed()) < 3 or not mark.exists()) and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)  # without its worker the pool would wait for ever
    first.wait()
    before = completed()
    assert set(before) == {"00000", "00001", "00002"}
    subprocess.run(command, check=True, timeout=180, **quiet)
    after = completed()
    assert set(after) == {*before, "00003"} and before.items() <= after.items()

    quality = functools.partial(drop_low_quality, split=split_words)
    loop = run_steps(given, {**many.BEFORE, "quality": quality, **many.AFTER})
    passed = pq.read_table(output / "1_passed").to_pylist()
    assert {row["id"]: row["text"] for row in passed} == {d.id: d.text for d in loop.documents}
    assert any("[e-mail" in row["text"] for row in passed)
    left = {row["id"] for row in pq.read_table(output / "documents").to_pylist()}
    copies = [{f"d{number}", f"copy{number}"} for number in range(0, 80, 5)]
    assert all(len(left & twins) == 1 for twins in copies)
    assert {row["id"] for row in passed} - left <= set().union(*copies)
    logs = (output / "removed" / "personal data").glob("*.jsonl")
    entries = [json.loads(line) for path in logs for line in path.read_text("ascii").splitlines()]
    logged = {entry.id for entry in loop.log.entries if entry.reason == "personal-data"}
    assert {entry["id"] for entry in entries} == logged
