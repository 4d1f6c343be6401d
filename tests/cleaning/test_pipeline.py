"""Steps in a row: the same result in memory and on disk, and an interruption loses at most one step."""

import functools
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from course_lib.cleaning.exact import drop_exact, drop_repeated_lines
from course_lib.cleaning.steps import RemovalLog
from course_lib.cleaning.steps import run_steps
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document

FOOTER = "the same long footer line here"
TEXTS = [f"one\n{FOOTER}", f"two\n{FOOTER}", f"one\n{FOOTER}"]
ODD = ["", "\x00 NUL", "a lone \ud800 surrogate", "line\u2028separator", "日本語"]


def given() -> list[Document]:
    return [
        Document(f"d{i}", text, {"title": f"t{i}", "n": i}) for i, text in enumerate([*TEXTS, *ODD])
    ]


def steps() -> dict:
    return {
        "exact copies": drop_exact,
        "lines": functools.partial(drop_repeated_lines, shortest=10),
    }


def test_memory_and_disk_agree(tmp_path: Path) -> None:
    memory, disk = (
        run_steps(given(), steps()),
        run_steps(iter(given()), steps(), folder=tmp_path / "new" / "é"),
    )
    assert list(disk.documents) == list(disk.documents) == memory.documents
    assert len(disk.documents) == len(memory.documents) == 7
    assert disk.log == memory.log and disk.stages == memory.stages
    assert [d.text for d in memory.documents][2:] == ODD


def test_the_stages_count_documents_bytes_and_reasons() -> None:
    log = RemovalLog()
    run = run_steps(given(), steps(), log=log)
    size = sum(len(d.text.encode("utf-8", "surrogatepass")) for d in given())
    first, exact, lines = run.stages
    assert (first.name, first.documents, first.bytes) == ("input", 8, size)
    assert (exact.documents, exact.bytes, exact.dropped) == (
        7,
        size - len(TEXTS[0]),
        {"exact-duplicate": 1},
    )
    assert (lines.documents, lines.dropped, lines.changed) == (7, {}, {"repeated-lines": 1})
    assert log == run.log and len(log.entries) == 2
    assert run.funnel().rows[1][:3] == ("exact copies", "7", "87.5%")


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        run = run_steps([], steps(), folder=folder)
        assert list(run.documents) == [] and [stage.documents for stage in run.stages] == [0, 0, 0]
    assert "0.0%" in repr(run.funnel())


def noting(
    documents: Iterable[Document], log: RemovalLog, *, name: str, folder: Path
) -> Iterator[Document]:
    """A step that notes that it runs, and is interrupted after two documents while a file says so."""
    with (folder / "ran").open("a") as file:
        file.write(name)
    for number, document in enumerate(documents):
        if number == 2 and (folder / f"stop {name}").exists():
            raise KeyboardInterrupt
        log.change(document, name, "seen")
        yield document


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    chain = {name: functools.partial(noting, name=name, folder=tmp_path) for name in "abc"}
    (tmp_path / "stop b").touch()
    with pytest.raises(KeyboardInterrupt):
        run_steps(given(), chain, folder=tmp_path / "kept")
    assert sorted(p.name for p in (tmp_path / "kept").iterdir() if p.name > "01_a.z") == []
    (tmp_path / "stop b").unlink()
    run = run_steps(given(), chain, folder=tmp_path / "kept")
    assert (tmp_path / "ran").read_text() == "abbc"
    assert list(run.documents) == given()
    assert [entry.step for entry in run.log.entries] == [name for name in "abc" for _ in given()]


def test_finished_steps_are_not_run_again(tmp_path: Path) -> None:
    first = run_steps(given(), steps(), folder=tmp_path)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("0[12]*")}
    second = run_steps(given(), steps(), folder=tmp_path)
    assert second.log == first.log and second.stages == first.stages
    assert list(second.documents) == list(first.documents)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("0[12]*")} == times


@pytest.mark.parametrize("what", ["argument", "input", "step before", "lost file", "broken mark"])
def test_what_has_changed_is_run_again(tmp_path: Path, what: str) -> None:
    run_steps(given(), steps(), folder=tmp_path)
    documents, changed = given(), steps()
    if what == "argument":
        changed["lines"] = functools.partial(drop_repeated_lines, shortest=1_000)
    elif what == "input":
        documents = documents[:2]
    elif what == "step before":
        changed["exact copies"] = lambda documents, log: iter(documents)
    elif what == "lost file":
        (tmp_path / "01_exact_copies.jsonl").unlink()
    else:
        (tmp_path / "02_lines.done.json").write_text("{", encoding="ascii")
    fresh = run_steps(documents, changed)
    again = run_steps(documents, changed, folder=tmp_path)
    assert list(again.documents) == fresh.documents and again.stages == fresh.stages


KILLED = """
import os, signal, sys
from pathlib import Path
from course_lib.cleaning.exact import drop_exact
from course_lib.cleaning.steps import run_steps
from course_lib.workbook.corpus import Document

folder = Path(sys.argv[1])

def first(documents, log):
    (folder / "ran").open("a").write("1")
    yield from documents

def second(documents, log):
    (folder / "ran").open("a").write("2")
    for number, document in enumerate(documents):
        if number == 50 and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        log.change(document, "second", "seen")
        yield document

documents = [Document(str(i), f"text {i % 90}") for i in range(100)]
run = run_steps(documents, {"1": first, "exact": drop_exact, "2": second}, folder=folder / "kept")
print(len(run.documents), len(run.log.entries), (folder / "ran").read_text())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_killed_process_loses_one_step(tmp_path: Path) -> None:
    call = [sys.executable, "-c", KILLED, str(tmp_path)]
    assert subprocess.run(call, timeout=120).returncode == -signal.SIGKILL
    done = subprocess.run(call, timeout=120, capture_output=True, text=True)
    assert done.stdout.split() == ["90", "100", "122"], done.stderr


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="choose another one"):
        run_steps(given(), steps(), folder=tmp_path / "file" / "folder")


def test_the_log_can_be_sampled() -> None:
    log = RemovalLog()
    for number in range(100):
        log.drop(Document(str(number), ""), "step", "even" if number % 2 == 0 else "odd")
    chosen = log.sample(5, "odd", seed=3)
    assert len(chosen) == 5 and {entry.reason for entry in chosen} == {"odd"}
    assert chosen == log.sample(5, "odd", seed=3) != log.sample(5, "odd", seed=4)
    assert [int(entry.id) for entry in chosen] == sorted(int(entry.id) for entry in chosen)
    assert len(log.sample(1_000)) == 100 and log.sample(3, "none such") == []
