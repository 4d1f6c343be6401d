"""The steps as datatrove's blocks and under ``datasets.map``: the same documents as a plain loop."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_lib.cleaning.batches import for_map
from course_lib.cleaning.exact import drop_exact
from course_lib.cleaning.steps import RemovalLog
from course_lib.cleaning.personal import mask_documents
from course_lib.cleaning.steps import run_steps
from course_lib.cleaning.repair import drop_empty
from course_lib.cleaning.store import StoredDocuments, write_documents
from course_lib.places import REPOSITORY
from course_lib.workbook.corpus import Document, load_corpus

SCRIPT = REPOSITORY / "assets" / "cleaning" / "on_many_machines.py"
DRIVER = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
import on_many_machines as many

def trouble(documents, log):
    import os, signal
    from pathlib import Path
    mark = Path(os.environ["TROUBLE_MARK"])
    for document in documents:
        if document.id == os.environ["TROUBLE"] and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield document

if __name__ == "__main__":
    source, output = map(Path, sys.argv[1:])
    many.clean(source, output, workers=2, single={{**many.SINGLE, "trouble": trouble}})
"""


@pytest.fixture
def shards(tmp_path: Path) -> tuple[Path, list[Document]]:
    """Four files of messy songs, and odd documents among them."""
    documents = [
        *load_corpus("songbook-messy"),
        Document("empty", ""),
        Document("odd", "\ud800 \x00 and so on"),
    ]
    folder = tmp_path / "input"
    folder.mkdir()
    size = -(-len(documents) // 4)
    for number in range(4):
        write_documents(folder / f"{number}.jsonl", documents[number * size : (number + 1) * size])
    return folder, documents


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_datatrove_keeps_what_the_loop_keeps_and_resumes_after_a_killed_worker(
    shards: tuple[Path, list[Document]], tmp_path: Path
) -> None:
    pytest.importorskip("datatrove")
    sys.path.insert(0, str(SCRIPT.parent))
    import on_many_machines as many

    from course_lib.cleaning.blocks import read_logs

    source, documents = shards
    loop = run_steps(documents, {**many.SINGLE, **many.TOGETHER})
    driver, output, done = (
        tmp_path / "driver.py",
        tmp_path / "output",
        tmp_path / "output/records/1_single/completions",
    )
    driver.write_text(DRIVER.format(folder=str(SCRIPT.parent)), encoding="utf-8")
    environment = {
        **os.environ,
        "TROUBLE": documents[-1].id,
        "TROUBLE_MARK": str(tmp_path / "mark"),
    }
    command = [sys.executable, str(driver), str(source), str(output)]

    def completed() -> dict[str, float]:
        return {path.name: path.stat().st_mtime for path in done.glob("*")}

    first = subprocess.Popen(
        command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    while (len(completed()) < 3 or not (tmp_path / "mark").exists()) and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)  # without its worker the pool would wait for ever
    first.wait()
    before = completed()
    assert set(before) == {"00000", "00001", "00002"}
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL, timeout=60)
    after = completed()
    assert set(after) == {*before, "00003"} and before.items() <= after.items()

    left = list(StoredDocuments(output / "2_together" / "00000.jsonl", 0))
    assert left == list(loop.documents)
    log = read_logs(output / "removed", [*many.SINGLE, *many.TOGETHER])
    assert sorted(map(repr, log.entries)) == sorted(map(repr, loop.log.entries))


def test_under_map_with_two_processes_and_from_a_generator() -> None:
    import datasets

    documents = [
        Document(str(i), f"Write to ann{i % 3}@example.org" if i % 5 else "") for i in range(40)
    ]
    rows = [{"id": d.id, "text": d.text, "meta": json.dumps(d.meta)} for d in documents]
    log = RemovalLog()
    loop = list(mask_documents(drop_empty(iter(documents), log), log))
    datasets.disable_progress_bars()
    table = datasets.Dataset.from_list(rows)
    for step in (drop_empty, mask_documents):
        table = table.map(for_map(step), batched=True, batch_size=7, num_proc=2).filter(
            lambda row: row["kept"]
        )
    assert [(row["id"], row["text"]) for row in table] == [(d.id, d.text) for d in loop]
    assert json.loads(table[0]["log"])[0]["reason"] == "personal-data"

    def generate():
        for document in drop_exact(iter(documents), RemovalLog()):
            yield {"id": document.id, "text": document.text}

    streamed = datasets.IterableDataset.from_generator(generate)
    assert [row["id"] for row in streamed] == ["0", "1", "2", "3"]


def test_one_sentence_when_datatrove_is_missing() -> None:
    code = (
        "import sys; sys.modules['datatrove'] = sys.modules['datatrove.data'] = None\n"
        "from course_lib.errors import CourseError\n"
        "try:\n import course_lib.cleaning.blocks\nexcept CourseError as error:\n print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(
        "datatrove, which runs cleaning steps on many machines, is not installed"
    )
    assert len(done.stdout.splitlines()) == 1
