"""A folder of the reader's own: every reason to skip, order, safety, and clear sentences."""

import os
import random
import socket
import sys
from pathlib import Path

import pytest
from file_makers import PROSE, encrypted_pdf_bytes, pdf_bytes, write_docx, write_parquet

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
GERMAN = (
    "Während die Käuferin größere Mengen prüft, läuft der Verkäufer über die Straße nach Köln.\n"
)


def reasons(reading: Sample) -> dict[str, str]:
    assert all(skip.reason in SKIP_REASONS and skip.detail for skip in reading.skipped)
    return {skip.path: skip.reason for skip in reading.skipped}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chosen folder with one good file; its parent is outside."""
    chosen = tmp_path / "my texts é"
    chosen.mkdir()
    (chosen / "good.txt").write_text(PROSE, encoding="utf-8")
    return chosen


def make_odd_files(folder: Path) -> None:
    (folder / "empty.txt").touch()
    (folder / "blank.md").write_text(" \n\t\n", encoding="utf-8")
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 50)
    (folder / "latin1.txt").write_bytes((GERMAN * 3).encode("latin-1"))
    (folder / "utf16.txt").write_text(GERMAN, encoding="utf-16")
    (folder / "utf16-bare.txt").write_bytes(GERMAN.encode("utf-16-le"))
    (folder / "cjk.txt").write_text("这是一段中文文本。今天天气很好。", encoding="utf-8")
    (folder / "sjis.txt").write_bytes(
        ("今日は天気がいいので、公園へ散歩に行きました。" * 4).encode("shift_jis")
    )
    (folder / "emoji 🎉.txt").write_text("👨‍👩‍👧‍👦 went out ☀️", encoding="utf-8")
    (folder / "rtl.txt").write_text("שלום לכולם، مرحبا بالجميع", encoding="utf-8")
    (folder / "line.txt").write_text("word " * 200_000, encoding="utf-8")
    (folder / "broken.jsonl").write_text(
        '{"text": "one"}\n{oops\n{"text": "two"}\n', encoding="utf-8"
    )
    (folder / "broken.json").write_text('{"text": "one", ', encoding="utf-8")
    (folder / "odd.txt").write_bytes(b"caf\xe9")
    (folder / "song.mp3").write_bytes(b"ID3")
    (folder / "LICENCE").write_text("words", encoding="utf-8")
    (folder / "locked.pdf").write_bytes(encrypted_pdf_bytes("x", "secret"))
    (folder / "lfs.csv").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:ab12\nsize 21484555\n"
    )
    (folder / "scan.pdf").write_bytes(pdf_bytes([""]))
    for name in ("bad.pdf", "bad.docx", "bad.parquet"):
        (folder / name).write_bytes(b"%PDF-1.4 this is not one")
    write_docx(folder / "page.docx", [PROSE])
    write_parquet(folder / "rows.parquet", {"text": ["row one", "row two"]})


def test_a_folder_of_odd_files(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_odd_files(folder)
    reading = read_folder_or_file(folder)
    assert reasons(reading) == {
        "empty.txt": "empty",
        "blank.md": "empty",
        "binary.txt": "binary",
        "odd.txt": "encoding",
        "latin1.txt": "note",
        "sjis.txt": "note",
        "broken.jsonl": "unreadable",
        "broken.json": "unreadable",
        "song.mp3": "unknown_format",
        "LICENCE": "unknown_format",
        "locked.pdf": "encrypted",
        "scan.pdf": "empty",
        "lfs.csv": "unreadable",
        "bad.pdf": "unreadable",
        "bad.docx": "unreadable",
        "bad.parquet": "unreadable",
    }
    assert any("git lfs pull" in skip.detail for skip in reading.skipped)
    texts = {document.id: document.text for document in reading.documents}
    assert texts["latin1.txt"] == (GERMAN * 3).strip("\n") and texts["sjis.txt"].startswith(
        "今日は天気"
    )
    assert texts["utf16.txt"] == texts["utf16-bare.txt"] == GERMAN.strip("\n")
    assert texts["emoji 🎉.txt"] == "👨‍👩‍👧‍👦 went out ☀️" and texts["rtl.txt"] and texts["cjk.txt"]
    assert texts["rows.parquet#0002"] == "row two" and texts["page.docx"] == PROSE
    assert len([name for name in texts if name.startswith("line.txt#")]) == 50
    assert max(map(len, texts.values())) <= 20_000
    captured = capfd.readouterr()
    assert captured.out == captured.err == "", "a library talked"


def test_nothing_is_written_and_every_name_is_unique(folder: Path) -> None:
    def state() -> dict[str, tuple[int, int]]:
        found = [folder, *folder.rglob("*")]
        return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size) for p in found}

    make_odd_files(folder)
    before = state()
    reading = read_folder_or_file(folder, budget=50_000)
    fingerprint(find_files(folder))
    assert state() == before
    names = [document.id for document in reading.documents]
    assert len(set(names)) == len(names) and all(d.meta["file"] for d in reading.documents)


@POSIX
def test_links_pipes_and_sockets(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("private", encoding="utf-8")
    (tmp_path / "my texts é too").mkdir()  # begins like the chosen folder, but is another
    (tmp_path / "my texts é too" / "x.txt").write_text("private", encoding="utf-8")
    (folder / "sub").mkdir()
    (folder / ".store").mkdir()
    (folder / ".store" / "blob").write_text("kept in a store", encoding="utf-8")
    links = {
        "out.txt": outside,
        "out": tmp_path / "my texts é too",
        "up": folder,
        "sub/up": folder / "sub",
        "loop.txt": folder / "loop.txt",
        "dead.txt": folder / "nowhere.txt",
        "same.txt": folder / "good.txt",
        "same": folder / "sub",
        "stored.txt": folder / ".store" / "blob",
        "null.txt": Path(os.devnull),
        "hidden": folder / ".store",
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
    assert set(reasons(reading).values()) == {"left_out"}
    said = {skip.path: skip.detail for skip in reading.skipped}
    assert said.pop("(hidden)")
    assert {name: " ".join(detail.split()[:4]) for name, detail in said.items()} == {
        **dict.fromkeys(("out.txt", "out", "null.txt"), "the link leads out"),
        **dict.fromkeys(("loop.txt", "dead.txt"), "the link leads nowhere,"),
        **dict.fromkeys(("up", "sub/up", "same.txt", "same"), "what the link leads"),
        **dict.fromkeys(("pipe.txt", "socket.txt"), "it is a pipe,"),
    }
    assert {d.id: d.text for d in reading.documents} == {
        "good.txt": PROSE,
        "stored.txt": "kept in a store",
    }


def test_hidden_things_are_counted_in_one_line(folder: Path) -> None:
    for name in (".git", "node_modules", "__pycache__", ".venv"):
        (folder / name).mkdir()
        (folder / name / "inside.txt").write_text("not the reader's text", encoding="utf-8")
    (folder / ".secret.txt").write_text("x", encoding="utf-8")
    (folder / "~$page.docx").write_text("x", encoding="utf-8")
    reading = read_folder_or_file(folder)
    assert [d.id for d in reading.documents] == ["good.txt"]
    (skip,) = reading.skipped
    assert (
        skip.reason == "left_out" and skip.detail.startswith("6 hidden") and ".git" in skip.detail
    )


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "Permission denied"),
        FileNotFoundError(2, "gone"),
        OSError(5, "Input/output error"),
        MemoryError(),
        RecursionError("deep"),
        AssertionError("library bug\nin two lines"),
    ],
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
    assert reasons(reading) == {"a.md": "unreadable"}
    assert "\n" not in reading.skipped[0].detail
    assert {d.id: d.text for d in reading.documents} == {"a.md": "the beginning", "good.txt": PROSE}


def test_a_folder_that_refuses_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "closed").mkdir()
    real = os.scandir

    def scandir(path: str):  # noqa: ANN202
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    reading = read_folder_or_file(folder)
    assert (
        reasons(reading) == {"closed": "unreadable"}
        and "Permission denied" in reading.skipped[0].detail
    )


def test_order_is_sorted_and_a_sample_is_a_part_of_it(folder: Path) -> None:
    for name in ("b", "a", "B", "c10", "c9"):
        (folder / name).mkdir()
        (folder / name / "x.txt").write_text(f"{name} {PROSE}", encoding="utf-8")
    whole = read_folder_or_file(folder)
    names = [document.id for document in whole.documents]
    assert names == ["good.txt", "B/x.txt", "a/x.txt", "b/x.txt", "c10/x.txt", "c9/x.txt"]
    assert whole.kept_bytes == whole.seen_bytes and whole.seen == 6
    part = read_folder_or_file(folder, budget=400, seed=3)
    kept = [document.id for document in part.documents]
    assert 0 < len(kept) < 6 and kept == [name for name in names if name in kept]
    assert part.seen == 6 and part.seen_bytes == whole.seen_bytes > part.kept_bytes > 0


def test_a_single_file_and_paths_as_people_paste_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_folder_or_file(folder / "good.txt").documents
    assert [(d.id, d.text) for d in expected] == [("good.txt", PROSE)]
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    path = str(folder / "good.txt")
    for pasted in (f'"{path}"', f" '{path}' \n", f"“{path}”", f"~/{folder.name}/good.txt"):
        assert read_folder_or_file(pasted).documents == expected


@pytest.mark.parametrize(
    "path", ["", "  ", '""', "no/such/folder", "x" * 5000, "a\0b", "~no-such-user-here/x"]
)
def test_paths_that_lead_nowhere_get_a_sentence(path: str) -> None:
    with pytest.raises(CourseError) as caught:
        read_folder_or_file(path)
    assert str(caught.value).endswith((".", "again.")) and "\n" not in str(caught.value)


def test_nothing_to_read_gets_a_sentence_with_the_counts(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    (empty / ".git").mkdir(parents=True)
    with pytest.raises(CourseError, match="is empty"):
        read_folder_or_file(empty)
    for number in range(3):
        (empty / f"{number}.mp3").write_bytes(b"x")
    (empty / "a.txt").touch()
    with pytest.raises(CourseError, match=r"3 × unknown format, 1 × empty"):
        read_folder_or_file(empty)
    for name, said in [
        ("0.mp3", "no reader for files ending in .mp3"),
        ("a.txt", "there is no text in it"),
    ]:
        with pytest.raises(CourseError, match=said):
            read_folder_or_file(empty / name)


@POSIX
def test_a_device_as_the_chosen_file_is_never_opened() -> None:
    with pytest.raises(CourseError, match="a pipe, a socket or a device"):
        read_folder_or_file("/dev/zero")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no Unicode")
def test_file_names_that_are_no_unicode(folder: Path) -> None:
    with open(os.fsencode(folder) + b"/caf\xe9.txt", "w", encoding="utf-8") as file:
        file.write("text")
    reading = read_folder_or_file(folder)
    assert [document.id for document in reading.documents] == ["caf\\udce9.txt", "good.txt"]


def test_halves_of_characters_and_nuls_do_not_survive(folder: Path) -> None:
    (folder / "a.json").write_text(
        '[{"text": "a\\ud800b\\u0000c", "k\\udfff": "v\\ud800"}]', encoding="utf-8"
    )
    document = read_folder_or_file(folder / "a.json").documents[0]
    assert document.text == "a?bc" and document.meta == {"record": 1, "k?": "v?", "file": "a.json"}


def test_the_fingerprint_sees_every_change(folder: Path) -> None:
    def changed() -> bool:
        prints.append(fingerprint(find_files(folder)))
        return prints[-1] not in prints[:-1]

    prints: list[str] = []
    assert changed() and not changed()
    (folder / "new.txt").write_text("x", encoding="utf-8")
    assert changed()
    (folder / "new.txt").rename(folder / "other.txt")
    assert changed()
    os.utime(folder / "other.txt", ns=(1, 1))
    assert changed()


# Sampling


def documents(count: int) -> list[Document]:
    return [Document(f"f{number}.txt", "é" * (number % 50 + 1)) for number in range(count)]


@pytest.mark.parametrize("budget", [10**9, 20_000, 3_000, 1])
@pytest.mark.parametrize("most", [10**6, 40])
def test_the_sample_does_not_depend_on_the_order(budget: int, most: int) -> None:
    stream = documents(2000)
    results = []
    for shuffle in range(4):
        order = random.Random(shuffle).sample(stream, 2000)
        sample = Sample(budget, seed=5, max_documents=most)
        for document in order:
            sample.add(document)
        results.append(sorted(document.id for document in sample.documents))
        assert sample.seen == 2000 and sample.seen_bytes == sum(2 * len(d.text) for d in stream)
    assert results[0] and all(result == results[0] for result in results)


@pytest.mark.parametrize("times", [1.02, 1.3, 2.2, 50])
def test_the_sample_fills_its_budget_and_never_exceeds_it(times: float) -> None:
    stream = documents(5_000)
    budget = int(sum(2 * len(document.text) for document in stream) / times)
    sample = Sample(budget)
    for document in stream:
        sample.add(document)
        assert sample.kept_bytes <= budget
    kept = sum(len(document.text.encode()) for document in sample.documents)
    assert budget - 100 < kept == sample.kept_bytes


def test_what_fits_is_kept_whole_and_another_seed_takes_others() -> None:
    stream = documents(500)
    whole, first, second = Sample(10**9), Sample(2_000, seed=1), Sample(2_000, seed=2)
    for document in stream:
        for sample in (whole, first, second):
            sample.add(document)
    assert whole.documents == stream and whole.kept_bytes == whole.seen_bytes
    assert {d.id for d in first.documents} != {d.id for d in second.documents}
