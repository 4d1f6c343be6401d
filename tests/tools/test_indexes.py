"""What an index offers for other systems: the choice, pages of both forms, sizes, a password."""

import base64
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from course_lib import bootstrap
from course_lib.errors import CourseError
from tools import indexes, pack
from tools.indexes import Wheel, best, measured, offers

FILES = """n-2-cp311-cp311-win_amd64 n-2-cp311-cp311-macosx_11_0_arm64 n-3-py3-none-any
n-2-cp311-cp311-macosx_14_0_arm64 n-2-cp311-cp311-macosx_15_0_arm64 n-2-cp312-cp312-win_amd64
n-2-cp311-cp311-manylinux2014_x86_64 n-2-cp311-cp311-manylinux_2_34_x86_64
n-2-cp39-abi3-manylinux_2_17_aarch64 torch-2-cp311-cp311-win_amd64
torch-2+cu130-cp311-cp311-win_amd64 torch-2-cp311-cp311-manylinux_2_28_x86_64
torch-2+cpu-cp311-cp311-manylinux_2_28_aarch64"""


@pytest.mark.parametrize(
    ("need", "system", "python", "chosen"),
    [
        ("n==2", "windows", "3.11", "n-2-cp311-cp311-win_amd64"),
        ("n==2", "macos-arm64", "3.11", "n-2-cp311-cp311-macosx_14_0_arm64"),  # 15 is too new
        ("n==2", "linux", "3.11", "n-2-cp311-cp311-manylinux2014_x86_64"),
        ("n==2", "linux-aarch64", "3.13", "n-2-cp39-abi3-manylinux_2_17_aarch64"),
        ("n==2", "macos-x86_64", "3.11", None),
        ("n==3", "macos-x86_64", "3.13", "n-3-py3-none-any"),
        ("torch==2", "windows", "3.11", "torch-2-cp311-cp311-win_amd64"),
        ("torch==2", "linux", "3.11", None),  # it would ask for CUDA's packages
        ("torch==2", "linux-aarch64", "3.11", "torch-2+cpu-cp311-cp311-manylinux_2_28_aarch64"),
    ],
)
def test_the_wheel_of_a_target(need: str, system: str, python: str, chosen: str | None) -> None:
    offered = []
    for file in (
        f"{name}.whl" for name in FILES.split() if name.split("-")[0] == need.split("=")[0]
    ):
        more = parse_wheel_filename(file)[1::2]
        offered.append(Wheel(f"https://index.example/{quote(file)}", "", 1, *more))
    found = best(Requirement(need), offered, system, python)
    assert (found and found.file) == (chosen and f"{chosen}.whl")


class Handler(BaseHTTPRequestHandler):
    """Two indexes of one wheel, the second behind a password; what is fetched may be damaged."""

    content = b"a wheel"
    known = hashlib.sha256(b"a wheel").hexdigest()

    def do_GET(self) -> None:
        file, mark = "some_thing-1-py3-none-any.whl", f"sha256={self.known}"
        one = {"url": f"/files/{file}", "hashes": {"sha256": self.known}, "size": 7}
        pages = {
            "/json/some-thing/": json.dumps({"files": [one]}).encode(),
            "/html/some-thing/": f"<a href='x'>x</a><a href=\"../{file}#{mark}\">it</a>".encode(),
        }
        body = pages.get(self.path, self.content if self.path.endswith(file) else b"")
        secret = f"Basic {base64.b64encode(b'me:p@ss').decode()}"
        allowed = "html" not in self.path or self.headers["Authorization"] == secret
        self.send_response(401 if not allowed else 200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command == "GET" else b"")

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_pips_own_indexes_are_read(host: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{host}/json")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"http://me:p%40ss@{host}/html/")
    monkeypatch.setattr(bootstrap, "answers", lambda address: "/cpu/" in address)
    folder, *pages, cpu = indexes.sources()
    assert folder == tmp_path.as_uri() and cpu == f"{bootstrap.TORCH}cpu/NAME/"
    (tmp_path / "some_thing-1-py3-none-any.whl").write_bytes(b"a wheel")
    (tmp_path / "some.odd-name.whl").touch()
    found = offers("some-thing", [folder, *pages])
    assert [(w.sha256, w.size) for w in found] == [("", 7), (Handler.known, 7), (Handler.known, 0)]
    assert [measured(w).size for w in found] == [7, 7, 7] and offers("other", pages) == []
    assert {pack.fetch(w, tmp_path / "any" / w.file) for w in found} == {Handler.known}


def test_what_comes_damaged_is_not_kept(host: str, tmp_path: Path, monkeypatch) -> None:
    [wheel], target = offers("some-thing", [f"http://{host}/json/NAME/"]), tmp_path / "it.whl"
    target.write_bytes(b"half")  # as after a stick was pulled out
    assert pack.fetch(wheel, target) == Handler.known and target.read_bytes() == b"a wheel"
    monkeypatch.setattr(Handler, "content", b"another")
    target.unlink()
    with pytest.raises(CourseError, match="came damaged"):
        pack.fetch(wheel, target)
    assert not list(tmp_path.iterdir())
