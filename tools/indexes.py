"""What the indexes that pip is set to offer, with sizes, for other systems than this one.

pip tells no size before it fetches, so their pages are read here: PEP 691's JSON, PEP 503's HTML.
"""

import ast
import base64
import contextlib
import html
import json
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path
from typing import IO, NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, unquote, urldefrag, urljoin, urlsplit
from urllib.request import Request, url2pathname, urlopen

import certifi
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from course_lib import bootstrap

GLIBC = [*(f"_2_{minor}" for minor in range(28, 4, -1)), "2014", "2010", "1"]
SYSTEMS = {  # sys_platform, platform_machine, and wheels for macOS 14 or for glibc 2.28
    "windows": ("win32", "AMD64", ["win_amd64"]),
    "macos-arm64": ("darwin", "arm64", [*mac_platforms((14, 0), "arm64")]),
    "macos-x86_64": ("darwin", "x86_64", [*mac_platforms((14, 0), "x86_64")]),
    "linux": ("linux", "x86_64", [f"manylinux{glibc}_x86_64" for glibc in GLIBC]),
    "linux-aarch64": ("linux", "aarch64", [f"manylinux{glibc}_aarch64" for glibc in GLIBC]),
}
FORMS = {"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.5"}  # the first has sizes


class Wheel(NamedTuple):
    """A file of an index; ``sha256`` is "" and ``size``, in bytes, 0 where it does not say them."""

    address: str
    sha256: str
    size: int
    version: Version
    tags: frozenset[Tag]

    @property
    def file(self) -> str:
        """Its name, as pip wants it."""
        return unquote(urlsplit(self.address).path.rpartition("/")[2])


def sources() -> list[str]:
    """Where pip is set to look, NAME for the package; PyTorch's CPU builds, where they answer."""
    from pip._internal.models.index import PyPI  # pip's default: none of its commands tells it

    command = [sys.executable, "-I", "-m", "pip", "config", "list"]
    said = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8").stdout.splitlines()
    lines = (line.partition("=") for line in reversed(said))  # variables come last, and win
    pip = {key.split(".")[-1]: str(ast.literal_eval(value)) for key, _, value in lines}
    authorities = pip.get("cert") or ssl.get_default_verify_paths().cafile or certifi.where()
    os.environ.setdefault("SSL_CERT_FILE", authorities)
    if "proxy" in pip:
        os.environ.setdefault("HTTPS_PROXY", pip["proxy"])
    links = pip.get("find-links", "").split()
    links = [
        link if "://" in link else Path(link).expanduser().absolute().as_uri() for link in links
    ]
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return links
    pages = [pip.get("index-url", PyPI.simple_url), *pip.get("extra-index-url", "").split()]
    cpu = f"{bootstrap.TORCH}cpu"
    pages += [cpu] if bootstrap.answers(f"{cpu}/torch/") else []
    return [*links, *(f"{page.rstrip('/')}/NAME/" for page in pages)]


def ask(address: str, method: str = "GET") -> IO[bytes]:
    """Open an address; a name and a password in it are sent as pip sends them."""
    parts = urlsplit(address)
    user, _, host = parts.netloc.rpartition("@")
    secret = {"Authorization": f"Basic {base64.b64encode(unquote(user).encode()).decode()}"}
    plain, headers = parts._replace(netloc=host).geturl(), FORMS | (secret if user else {})
    return urlopen(Request(plain, headers=headers, method=method), timeout=60)


def listed(address: str) -> list[tuple[str, str, int]]:
    """(address, SHA-256, size) of the files that a folder or a page of an index lists."""
    if address.startswith("file:"):
        folder = Path(url2pathname(urlsplit(address).path))
        if not (folder / "index.html").is_file():
            return [(path.as_uri(), "", path.stat().st_size) for path in folder.glob("*.whl")]
        address = (folder / "index.html").as_uri()
    try:
        with ask(address) as reply:
            text = reply.read().decode()
    except HTTPError as error:
        if error.code == 404:  # this index does not have it
            return []
        raise
    if text.startswith("{"):
        rows = [
            (f["url"], f["hashes"].get("sha256", ""), f.get("size", 0))
            for f in json.loads(text)["files"]
        ]
        return [(urljoin(address, url), *more) for url, *more in rows]
    links = re.findall(r'<a\b[^>]*?\bhref="([^"]+)"', text)
    split = (urldefrag(urljoin(address, html.unescape(link))) for link in links)
    return [(link, parse_qs(mark).get("sha256", [""])[0], 0) for link, mark in split]


def offers(name: str, pages: list[str]) -> list[Wheel]:
    """The wheels of a package, of all versions and for all systems."""
    found = []
    for page in pages:
        for address, sha256, size in listed(page.replace("NAME", name)):
            with contextlib.suppress(ValueError):  # no wheel, or a name from before the rules
                one = Wheel(address, sha256, size, Version("0"), frozenset())
                its, version, _, tags = parse_wheel_filename(one.file)
                if its == canonicalize_name(name):
                    found.append(one._replace(version=version, tags=tags))
    return found


def best(need: Requirement, offered: list[Wheel], system: str, python: str) -> Wheel | None:
    """The wheel that pip would take there; never a torch that wants packages for graphics cards."""
    if need.name == "torch":
        general = () if "linux" in system else (None,)  # for Linux that one is CUDA's
        offered = [wheel for wheel in offered if wheel.version.local in ("cpu", *general)]
    version, abi = tuple(map(int, python.split("."))), f"cp{python.replace('.', '')}"
    platforms = SYSTEMS[system][2]
    tags = [*cpython_tags(version, [abi], platforms), *compatible_tags(version, abi, platforms)]
    rank = {tag: -place for place, tag in enumerate(tags)}
    fits = [w for w in offered if need.specifier.contains(w.version) and rank.keys() & w.tags]
    return max(
        fits, key=lambda w: (w.version, max(rank[t] for t in rank.keys() & w.tags)), default=None
    )


def measured(wheel: Wheel) -> Wheel:
    """The same with its size, which is asked for where the page does not say it."""
    if wheel.size:
        return wheel
    with ask(wheel.address, "HEAD") as reply:
        return wheel._replace(size=int(reply.headers["Content-Length"]))
