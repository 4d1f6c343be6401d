"""A folder of the reader's own: every reason to skip, order, safety, memory, clear sentences."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from file_makers import PROSE, docx_bytes, encrypted_pdf_bytes, parquet_bytes, pdf_bytes, word_run

from course_lib.errors import CourseError
from course_lib.workbook.corpus import readers
from course_lib.workbook.corpus.document import Document
from course_lib.workbook.corpus.files import Sample, read_folder_or_file

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need POSIX")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc, and names that are no Unicode")
GERMAN = "Während die Käuferin größere Mengen prüft, läuft der Verkäufer über die Straße nach Köln."
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab12\nsize 21484555\n"
DAMAGED = (b"%PDF-1.4 this is not one", None, "unreadable: it cannot be read, or is damaged (")
LFS = (POINTER, None, "unreadable: it is a pointer of Git LFS")
LONG = "word " * 4_000
FILES = {  # content, the text that is read, the beginning of what is reported
    "latin1.txt": (GERMAN.encode("latin-1"), GERMAN, "note: read as cp1252"),
    "rtl, emoji 🎉.txt": ("这 שלום 👨‍👩‍👧‍👦".encode(), "这 שלום 👨‍👩‍👧‍👦", ""),
    "broken.jsonl": (b'{"text": "one"}\n{oops\n', "one", "unreadable: 1 parts are not"),
    "PAGE.DOCX": (docx_bytes(f"<w:p>{word_run(PROSE)}</w:p>"), PROSE, ""),
    "empty.txt": (b"", None, "empty: there is no text in it"),
    "binary.txt": (bytes(range(256)) * 50, None, "binary: it is not text"),
    "odd.txt": (b"caf\xe9", None, "encoding: its characters cannot be read with"),
    "song.mp3": (b"ID3", None, "unknown_format: there is no reader for files ending in .mp3"),
    "LICENCE": (b"words", None, "unknown_format: there is no reader for files without an ending"),
    "locked.pdf": (encrypted_pdf_bytes("x", "secret"), None, "encrypted: it is protected"),
    "scan.pdf": (pdf_bytes([""]), None, "empty: the PDF has no text, only pictures"),
    **{"lfs.csv": LFS, "lfs.parquet": LFS},
    **{"bad.pdf": DAMAGED, "bad.parquet": DAMAGED, "bad.ipynb": DAMAGED},
}


@pytest.fixture
def folder(tmp_path) -> Path:
    """A chosen folder with one good file; its parent is outside."""
    chosen = tmp_path / "my texts é"
    chosen.mkdir()
    (chosen / "good.txt").write_text(PROSE, encoding="utf-8")
    return chosen


def said(reading: Sample) -> dict[str, str]:
    """What the report says of each file."""
    assert all(skip.reason and skip.detail for skip in reading.skipped)
    return {skip.path: f"{skip.reason}: {skip.detail}" for skip in reading.skipped}


def test_a_folder_of_odd_files(folder: Path, capfd) -> None:
    """Every file is read or named with its reason, nothing is written, no library talks."""

    def state() -> dict[str, tuple[int, int]]:
        return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.parent.rglob("*")}

    for name, (content, _, _) in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "long.txt").write_text(LONG * 50)
    before = state()
    reading = read_folder_or_file(folder)
    assert state() == before and capfd.readouterr() == ("", "")
    report = said(reading)
    assert report.keys() == {name for name, row in FILES.items() if row[2]}
    assert all(line.startswith(FILES[name][2]) for name, line in report.items())
    texts = {d.id: d.text for d in reading.documents}
    expected = {name: row[1] for name, row in FILES.items() if row[1]} | {"good.txt": PROSE}
    expected |= {"long.txt": LONG} | {f"long.txt#{n:04d}": LONG for n in range(2, 51)}
    assert texts == expected


@POSIX
def test_links_and_pipes_are_not_followed(folder: Path, tmp_path) -> None:
    outside = tmp_path / "my texts é too"  # begins like the chosen folder, but is another
    outside.mkdir()
    (outside / "x.txt").write_text("private", encoding="utf-8")
    links = {"out.txt": outside / "x.txt", "out": outside, "null.txt": Path(os.devnull)}
    links |= {"up": folder, "loop.txt": folder / "loop.txt", "dead.txt": folder / "nowhere.txt"}
    for name, target in links.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.txt")
    report = said(reading := read_folder_or_file(folder))
    assert "it is a pipe, a socket" in report.pop("pipe.txt") and report.keys() == links.keys()
    assert all("it is a link" in line for line in report.values())
    assert {d.id: d.text for d in reading.documents} == {"good.txt": PROSE}
    with pytest.raises(CourseError, match="a pipe, a socket or a device"):
        read_folder_or_file("/dev/zero")


def test_hidden_things_are_counted_in_one_line(folder: Path) -> None:
    for name in (".git/a.txt", "node_modules/a.txt", "__pycache__/a.txt", ".b.txt", "~$page.docx"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("not the reader's text")
    (line,) = said(reading := read_folder_or_file(folder)).values()
    assert [d.id for d in reading.documents] == ["good.txt"]
    assert line.startswith("left_out: 5 hidden") and ".git" in line


def test_whatever_is_raised_is_one_line(folder: Path, monkeypatch) -> None:
    def fail(path: Path, report: object):
        yield "the beginning", {}
        raise AssertionError("bug\nin two lines")

    def refuse(path: str):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    scandir = os.scandir
    (folder / "closed").mkdir()
    (folder / "a.md").write_text("x")
    monkeypatch.setitem(readers.READERS, ".md", fail)
    monkeypatch.setattr(os, "scandir", refuse)
    report = said(reading := read_folder_or_file(folder))
    assert "Permission denied" in report.pop("closed")
    assert report["a.md"].startswith("unreadable: ") and "\n" not in report["a.md"]
    assert {d.id: d.text for d in reading.documents} == {"a.md": "the beginning", "good.txt": PROSE}


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


def test_paths_as_people_paste_them(folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    for way in ("{0}", '"{0}"', " '{0}' \n", "“{0}”", f"~/{folder.name}/good.txt"):
        pasted = way.format(folder / "good.txt")
        assert [d.text for d in read_folder_or_file(pasted).documents] == [PROSE]


@pytest.mark.parametrize("path", ["", '""', "no/such", "x" * 5000, "a\0b", "~no-such-user/x"])
def test_paths_that_lead_nowhere_get_a_sentence(path: str) -> None:
    with pytest.raises(CourseError) as caught:
        read_folder_or_file(path)
    assert str(caught.value).endswith((".", "again.")) and "\n" not in str(caught.value)


def test_nothing_to_read_gets_a_sentence_with_the_counts(tmp_path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(CourseError, match="1 hidden"):
        read_folder_or_file(tmp_path)
    for name in ("0.mp3", "1.mp3", "a.txt"):
        (tmp_path / name).touch()
    with pytest.raises(CourseError, match=r"0.mp3: there is no reader.*"):
        read_folder_or_file(tmp_path)


@LINUX
def test_names_and_texts_that_are_no_unicode(folder: Path) -> None:
    with open(os.fsencode(folder) + b"/caf\xe9.json", "w", encoding="utf-8") as file:
        file.write('[{"text": "a\\ud800b\\u0000c", "k\\udfff": "v\\ud800"}]')
    document = read_folder_or_file(folder).documents[0]
    assert document.id == document.meta["file"] == "caf\\udce9.json"
    assert document.text == r"a\ud800bc" and document.meta[r"k\udfff"] == r"v\ud800"


@pytest.mark.parametrize("times", [0.5, 1, 1.02, 1.3, 2.2, 50, 10**6])
@pytest.mark.parametrize("most", [10**6, 40])
def test_a_sample_fills_its_budget_whatever_the_order(times: float, most: int) -> None:
    """Up to half of the budget was thrown away."""
    stream = [Document(f"f{number}.txt", "é" * (number % 50 + 1)) for number in range(1_000)]
    size = sum(2 * len(document.text) for document in stream)
    results = []
    for order in range(3):
        sample = Sample(int(size / times), max_documents=most)
        for document in random.Random(order).sample(stream, 1_000):
            sample.add(document)
            assert sample.kept_bytes <= max(sample.budget, 100)
        results.append(sorted(document.id for document in sample.documents))
        assert sample.kept_bytes == sum(2 * len(d.text) for d in sample.documents) > 0
        assert (sample.seen, sample.seen_bytes) == (1_000, size)
        filled = sample.kept_bytes > min(sample.budget, size) - 100
        assert filled or len(sample.documents) == most
    assert results[0] == results[1] == results[2]


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
def test_large_files_are_not_held_in_memory(tmp_path) -> None:
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
def test_two_gigabytes_and_fifty_thousand_files(tmp_path) -> None:
    text = "A line of a long story – told slowly.\n\n" * 1_000
    for number in range(50_000):
        (tmp_path / f"{number % 50}").mkdir(exist_ok=True)
        (tmp_path / f"{number % 50}" / f"{number}.txt").write_text(text)
    [(growth, seen, seen_bytes)] = costs(tmp_path)
    assert growth < 500_000_000 and seen >= 50_000 and seen_bytes > 1_900_000_000
