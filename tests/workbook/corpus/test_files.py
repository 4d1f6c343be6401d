"""A folder of the reader's own: every reason to skip, order, safety, memory, clear sentences."""

import os
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from file_makers import PROSE, docx_bytes, encrypted_pdf_bytes, parquet_bytes, pdf_bytes, word_run

from course_lib.errors import CourseError
from course_lib.workbook.corpus import readers
from course_lib.workbook.corpus.document import Document
from course_lib.workbook.corpus.files import (
    SKIP_REASONS,
    Sample,
    find_files,
    fingerprint,
    read_folder_or_file,
)

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need POSIX")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc, and names that are no Unicode")
GERMAN = "Während die Käuferin größere Mengen prüft, läuft der Verkäufer über die Straße nach Köln."
JAPANESE = "今日は天気がいいので、公園へ散歩に行きました。" * 4
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab12\nsize 21484555\n"
SOUND = {
    "latin1.txt": (GERMAN.encode("latin-1"), GERMAN),
    "sjis.txt": (JAPANESE.encode("shift_jis"), JAPANESE),
    "utf16.txt": (GERMAN.encode("utf-16"), GERMAN),
    "cjk, rtl, emoji 🎉.txt": ("这是一段 שלום 👨‍👩‍👧‍👦".encode(), "这是一段 שלום 👨‍👩‍👧‍👦"),
    "broken.jsonl": (b'{"text": "one"}\n{oops\n', "one"),
    "PAGE.DOCX": (docx_bytes(f"<w:p>{word_run(PROSE)}</w:p>"), PROSE),
    "row.parquet": (parquet_bytes({"text": ["one row"]}), "one row"),
}
ODD = {  # what the report says of these, sound ones included
    "latin1.txt": "note: read as cp1252",
    "sjis.txt": "note: read as ",
    "broken.jsonl": "unreadable: line 2 ",
    "empty.txt": "empty: ",
    "blank.md": "empty: there is no text in it",
    "binary.txt": "binary: ",
    "odd.txt": "encoding: the characters from byte 3 on",
    "broken.json": "unreadable: line 1 ",
    "song.mp3": "unknown_format: there is no reader for files ending in .mp3",
    "LICENCE": "unknown_format: there is no reader for files without an ending",
    "locked.pdf": "encrypted: it is protected by a password",
    "scan.pdf": "empty: the PDF has no text, only pictures",
    "lfs.csv": "unreadable: it is a pointer of Git LFS",  # fault 32
    "lfs.parquet": "unreadable: it is a pointer of Git LFS",
    **{f"bad.{kind}": "unreadable: the file is damaged" for kind in ("pdf", "docx", "parquet")},
}
CONTENT = {name: content for name, (content, _) in SOUND.items()} | {
    "empty.txt": b"",
    "blank.md": b" \n\t\n",
    "binary.txt": bytes(range(256)) * 50,
    "odd.txt": b"caf\xe9",
    "broken.json": b'{"text": "one", ',
    "locked.pdf": encrypted_pdf_bytes("x", "secret"),
    "scan.pdf": pdf_bytes([""]),
    "lfs.csv": POINTER,
    "lfs.parquet": POINTER,
    "long.txt": b"word " * 200_000,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chosen folder with one good file; its parent is outside."""
    chosen = tmp_path / "my texts é"
    chosen.mkdir()
    (chosen / "good.txt").write_text(PROSE, encoding="utf-8")
    return chosen


def said(reading: Sample) -> dict[str, str]:
    """What the report says of each file."""
    assert all(skip.reason in SKIP_REASONS and skip.detail for skip in reading.skipped)
    return {skip.path: f"{skip.reason}: {skip.detail}" for skip in reading.skipped}


def test_a_folder_of_odd_files(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Every file is read or named with its reason, nothing is written, no library talks."""
    for name in ODD | CONTENT:
        (folder / name).write_bytes(CONTENT.get(name, b"%PDF-1.4 this is not one"))
    before = {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size) for p in folder.rglob("*")}
    changed = folder.stat().st_mtime_ns
    reading = read_folder_or_file(folder)
    fingerprint(find_files(folder))
    report = said(reading)
    assert report.keys() == ODD.keys()
    assert not {name: report[name] for name in ODD if not report[name].startswith(ODD[name])}
    texts = {document.id: document.text for document in reading.documents}
    assert {name: texts.get(name) for name in SOUND} == {
        name: row[1] for name, row in SOUND.items()
    }
    assert len([name for name in texts if name.startswith("long.txt")]) == 50
    assert len(texts) == len(SOUND) + 51 and max(map(len, texts.values())) <= 20_000
    assert folder.stat().st_mtime_ns == changed
    assert before == {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size) for p in folder.rglob("*")}
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@POSIX
def test_links_pipes_and_sockets(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "my texts é too"  # begins like the chosen folder, but is another
    outside.mkdir()
    (outside / "x.txt").write_text("private", encoding="utf-8")
    (folder / "sub").mkdir()
    links = {
        "out.txt": outside / "x.txt",
        "out": outside,
        "null.txt": Path(os.devnull),
        "loop.txt": folder / "loop.txt",
        "dead.txt": folder / "nowhere.txt",
        "up": folder,
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(folder)  # the name of a socket must be short
        try:
            server.bind("socket.txt")
        finally:
            os.chdir(here)
        reading = read_folder_or_file(folder)
    report = said(reading)
    assert all("it is a link" in report.pop(name) for name in links)
    assert report.keys() == {"pipe.txt", "socket.txt"}
    assert all("it is a pipe, a socket" in line for line in report.values())
    assert {d.id: d.text for d in reading.documents} == {"good.txt": PROSE}
    with pytest.raises(CourseError, match="a pipe, a socket or a device"):
        read_folder_or_file("/dev/zero")


def test_hidden_things_are_counted_in_one_line(folder: Path) -> None:
    for name in (".git", "node_modules", "__pycache__", ".venv"):
        (folder / name).mkdir()
        (folder / name / "inside.txt").write_text("not the reader's text", encoding="utf-8")
    for name in (".secret.txt", "~$PAGE.DOCX"):
        (folder / name).write_text("x", encoding="utf-8")
    reading = read_folder_or_file(folder)
    assert [d.id for d in reading.documents] == ["good.txt"]
    (line,) = said(reading).values()
    assert line.startswith("left_out: 6 hidden") and ".git" in line


@pytest.mark.parametrize(
    "error", [OSError(5, "Input/output error"), MemoryError(), AssertionError("bug\nin two lines")]
)
def test_whatever_a_reader_raises_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(path: Path):  # noqa: ANN202
        yield "the beginning", {}
        raise error

    monkeypatch.setitem(readers.READERS, ".md", fail)
    (folder / "a.md").write_text("x", encoding="utf-8")
    reading = read_folder_or_file(folder)
    (line,) = said(reading).values()
    assert line.startswith("unreadable: ") and "\n" not in line
    assert {d.id: d.text for d in reading.documents} == {"a.md": "the beginning", "good.txt": PROSE}


def test_a_folder_that_refuses_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "closed").mkdir()
    real = os.scandir

    def scandir(path: str):  # noqa: ANN202
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert "Permission denied" in said(read_folder_or_file(folder))["closed"]


def test_order_is_sorted_and_a_sample_is_a_part_of_it(folder: Path) -> None:
    for name in ("b", "a", "B", "c10", "c9"):
        (folder / name).mkdir()
        (folder / name / "x.txt").write_text(f"{name} {PROSE}", encoding="utf-8")
    whole = read_folder_or_file(folder)
    names = [document.id for document in whole.documents]
    assert names == ["good.txt", "B/x.txt", "a/x.txt", "b/x.txt", "c10/x.txt", "c9/x.txt"]
    part = read_folder_or_file(folder, budget=400, seed=3)
    kept = [document.id for document in part.documents]
    assert 0 < len(kept) < 6 and kept == [name for name in names if name in kept]
    assert part.seen == 6 and part.seen_bytes == whole.kept_bytes > part.kept_bytes > 0


def test_paths_as_people_paste_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    path = str(folder / "good.txt")
    for pasted in (path, f'"{path}"', f" '{path}' \n", f"“{path}”", f"~/{folder.name}/good.txt"):
        assert [d.text for d in read_folder_or_file(pasted).documents] == [PROSE]


@pytest.mark.parametrize("path", ["", '""', "no/such", "x" * 5000, "a\0b", "~no-such-user/x"])
def test_paths_that_lead_nowhere_get_a_sentence(path: str) -> None:
    with pytest.raises(CourseError) as caught:
        read_folder_or_file(path)
    assert str(caught.value).endswith((".", "again.")) and "\n" not in str(caught.value)


def test_nothing_to_read_gets_a_sentence_with_the_counts(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(CourseError, match="is empty"):
        read_folder_or_file(tmp_path)
    for name in ("0.mp3", "1.mp3", "a.txt"):
        (tmp_path / name).touch()
    with pytest.raises(CourseError, match=r"2 × unknown format, 1 × empty"):
        read_folder_or_file(tmp_path)
    with pytest.raises(CourseError, match=r"no reader for files ending in \.mp3"):
        read_folder_or_file(tmp_path / "0.mp3")


@LINUX
def test_names_and_texts_that_are_no_unicode(folder: Path) -> None:
    with open(os.fsencode(folder) + b"/caf\xe9.json", "w", encoding="utf-8") as file:
        file.write('[{"text": "a\\ud800b\\u0000c", "k\\udfff": "v\\ud800"}]')
    document = read_folder_or_file(folder).documents[0]
    assert document.id == document.meta["file"] == "caf\\udce9.json"
    assert document.text == r"a\ud800bc" and document.meta[r"k\udfff"] == r"v\ud800"


def test_the_fingerprint_sees_every_change(folder: Path) -> None:
    prints = [fingerprint(find_files(folder))]
    assert fingerprint(find_files(folder)) == prints[0]
    new, other = folder / "new.txt", folder / "other.txt"
    for change in (new.touch, lambda: new.rename(other), lambda: os.utime(other, ns=(1, 1))):
        change()
        prints.append(fingerprint(find_files(folder)))
    assert len(set(prints)) == 4


@pytest.mark.parametrize("budget", [10**9, 20_000, 3_000, 1])
@pytest.mark.parametrize("most", [10**6, 40])
def test_the_sample_does_not_depend_on_the_order(budget: int, most: int) -> None:
    stream = [Document(f"f{number}.txt", "é" * (number % 50 + 1)) for number in range(1_000)]
    results = []
    for shuffle in range(3):
        sample = Sample(budget, seed=5, max_documents=most)
        for document in random.Random(shuffle).sample(stream, 1_000):
            sample.add(document)
        results.append(sorted(document.id for document in sample.documents))
        assert sample.seen == 1_000 and sample.seen_bytes == sum(2 * len(d.text) for d in stream)
    assert results[0] and all(result == results[0] for result in results)


@pytest.mark.parametrize("times", [1, 1.02, 1.3, 2.2, 50])
def test_the_sample_fills_its_budget_and_never_exceeds_it(times: float) -> None:
    """D7: up to half of the budget was thrown away."""
    stream = [Document(f"f{number}.txt", "é" * (number % 50 + 1)) for number in range(3_000)]
    budget = int(sum(2 * len(document.text) for document in stream) / times)
    sample, other = Sample(budget), Sample(budget, seed=1)
    for document in stream:
        sample.add(document)
        other.add(document)
        assert sample.kept_bytes <= budget
    kept = sum(len(document.text.encode()) for document in sample.documents)
    assert budget - 100 < kept == sample.kept_bytes
    assert (sample.documents == stream) == (sample.documents == other.documents) == (times == 1)


# Memory. A process of its own has a peak of its own; each path is read with a small budget.
MEASURE = """
import re, sys
from pathlib import Path
from course_lib.workbook.corpus import files
def peak():  # ru_maxrss begins with the peak of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
for path in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is in use now
    before = peak()
    reading = files.read_folder_or_file(path, budget=2_000_000)
    print(peak() - before, reading.seen, reading.seen_bytes)
"""


def costs(*paths: Path) -> list[list[int]]:
    """For each path: bytes by which the peak of the memory grows, documents and bytes seen."""
    run = [sys.executable, "-c", MEASURE, *map(str, paths)]
    lines = subprocess.run(run, capture_output=True, text=True, timeout=280, check=True).stdout
    return [[int(number) for number in line.split()] for line in lines.splitlines()]


@LINUX
def test_large_files_are_not_held_in_memory(tmp_path: Path) -> None:
    words = "so the story goes on and on – " * 40
    small, large = [], []
    for times, paths in ((50, small), (12_000, large)):
        made = {
            "a.txt": f"{words}\n\n".encode() * times,
            "a.csv": b"id,text\n" + f'1,"{words}"\n'.encode() * times,
            "a.jsonl": f'{{"text": "{words}"}}\n'.encode() * times,
            "a.parquet": parquet_bytes({"text": [f"{n} {words}" for n in range(times)]}, 50_000),
        }
        for name, content in made.items():
            paths.append(tmp_path / f"{times}{name}")
            paths[-1].write_bytes(content)
    measured = costs(*small, *large)[len(small) :]  # libraries are loaded with the small ones
    assert all(seen_bytes > 15_000_000 for _, _, seen_bytes in measured)
    assert all(growth < 25_000_000 for growth, _, _ in measured)


@LINUX
@pytest.mark.thorough
def test_two_gigabytes_and_fifty_thousand_files(tmp_path: Path) -> None:
    block = "".join(f"Line {n} of a long story – told slowly.\n\n" for n in range(25_000)).encode()
    with (tmp_path / "long.txt").open("wb") as file:
        for _ in range(2_000_000_000 // len(block)):
            file.write(block)
    for number in range(50_000):
        (tmp_path / f"{number // 1000}").mkdir(exist_ok=True)
        (tmp_path / f"{number // 1000}" / f"{number}.txt").write_text(f"note {number}")
    [(growth, seen, seen_bytes)] = costs(tmp_path)
    assert growth < 500_000_000 and seen > 50_000 and seen_bytes > 1_900_000_000
