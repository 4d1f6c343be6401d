"""The verb ``lab``: a working copy of the notebooks, opened in JupyterLab."""

import errno
import hashlib
import os
import socket
import sys
from pathlib import Path

from course_lib import places
from course_lib.bootstrap.main import child_environment, hand_over
from course_lib.errors import CourseError
from course_lib.workbook import settings

FIRST = "00_start_here.ipynb"
NOTEBOOKS = places.REPOSITORY / "notebooks"
ORIGINALS = ".originals.json"
DEFAULT_PORT = 8888
PORTS_TO_TRY = 50


def start(*, port: int, ip: str, browser: bool, corpus: str | None) -> int:
    """Bring the working copy up to date and let JupyterLab take this process's place."""
    if corpus:
        settings.save_corpus_choice(known_corpus(corpus))
    if places.home_note():
        print(places.home_note())
    work = places.work_folder()
    for note in update_copies(NOTEBOOKS, work):
        print(note)
    browser = browser and has_display()
    if not browser:
        print("Open the address below in a browser. Ctrl-C, twice, stops JupyterLab.")
    arguments = server_arguments(work, free_port(ip, port), ip, browser)
    command = [sys.executable, "-m", "jupyterlab", *arguments]
    environment = server_environment()
    if corpus:
        environment.pop("COURSE_CORPUS", None)  # it would outweigh the choice that was just saved
    return hand_over(command, environment, work)


def known_corpus(source: str) -> str:
    """The name as it is kept: paths in full, since JupyterLab runs in another folder.

    Raises ``CourseError`` for a path that does not exist.
    """
    from course_lib.workbook.corpus.files import clean_path
    from course_lib.workbook.corpus.load import BUILTIN

    if source in BUILTIN or source.startswith("hub:"):
        return source
    path = clean_path(source)
    if not path.exists():
        raise CourseError(
            f"There is no file or folder {source!r}, and no built-in corpus of that name: give a path that "
            f"exists, hub:NAME, or one of {', '.join(BUILTIN)}."
        )
    return str(path)


# -- the working copy -------------------------------------------------------------------------


def digest(path: Path) -> str:
    """The SHA-256 of a file, "" when it is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def update_copies(originals: Path, work: Path) -> list[str]:
    """Copy the notebooks into ``work``; what the learner has changed is never overwritten.

    ``.originals.json`` keeps, for each copy that this function wrote, the hash it had. A copy
    that still has it is untouched and follows the original; beside any other one the new
    original is put as ``NAME (updated).ipynb``, once. Returns one sentence for each of those.
    """
    notes: list[str] = []
    try:
        work.mkdir(parents=True, exist_ok=True)
        known = settings.read_json(work / ORIGINALS)
        offered = dict(known.get("offered", {})) if isinstance(known.get("offered"), dict) else {}
        written = dict(known.get("written", {})) if isinstance(known.get("written"), dict) else {}
        for original in sorted(originals.glob("*.ipynb")):
            note = _update_one(original, work, written, offered)
            notes += [note] if note else []
    except OSError as error:
        raise CourseError(
            f"The working copy in {work} could not be written ({error.strerror}): free some disk space or "
            "set COURSE_HOME to a folder that you may write to."
        ) from error
    settings.write_json(work / ORIGINALS, {"written": written, "offered": offered})
    return notes


def _update_one(
    original: Path, work: Path, written: dict[str, str], offered: dict[str, str]
) -> str:
    """One notebook. ``offered`` holds the hash of the original that the learner has been shown."""
    name, new = original.name, digest(original)
    copy = work / name
    present = digest(copy)
    if present in ("", new, written.get(name)):
        if present != new:
            _copy(original, copy)
        written[name] = offered[name] = new
        return ""
    if offered.get(name) == new:
        return ""
    beside = _place_beside(copy, written)
    _copy(original, beside)
    written[beside.name] = offered[name] = new
    return f"{name} has a new version; your own stays as it is, the new one is {beside.name}."


def _place_beside(copy: Path, written: dict[str, str]) -> Path:
    """``NAME (updated).ipynb``, or the next number where the learner has worked in that one, too."""
    number = 1
    while True:
        suffix = "updated" if number == 1 else f"updated {number}"
        beside = copy.with_name(f"{copy.stem} ({suffix}){copy.suffix}")
        if digest(beside) in ("", written.get(beside.name)):
            return beside
        number += 1


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all; without the read-only bit that the source may have."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(source.read_bytes())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


# -- JupyterLab -------------------------------------------------------------------------------


def server_arguments(work: Path, port: int, ip: str, browser: bool) -> list[str]:
    """What JupyterLab is started with: 00_start_here open, nothing but warnings in the terminal."""
    arguments = [
        f"--ServerApp.root_dir={work}",
        f"--LabApp.default_url=/lab/tree/{FIRST}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.ip={ip}",
        "--ServerApp.use_redirect_file=False",  # a browser in a sandbox cannot read such a file
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",  # the other one asks PyPI
        f"--ServerApp.open_browser={browser}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    return arguments


def server_environment() -> dict[str, str]:
    """The variables of JupyterLab and, through it, of every kernel."""
    environment = child_environment()
    folder = str(Path(__file__).parent)  # Jupyter looks into its subfolder labconfig/
    theirs = environment.get("JUPYTER_CONFIG_PATH", "")
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [folder, theirs]))
    # Tabs of the learner's other projects do not belong into the course's window.
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(places.state_folder() / "workspaces")
    return environment


def has_display() -> bool:
    """True when a browser can be opened: always on Windows and macOS, on Linux with a screen."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"))


def free_port(ip: str, wanted: int) -> int:
    """``wanted`` if nobody listens there; for the default port the next free one; for 0 any.

    Raises ``CourseError`` when a port asked for by name is taken, or the address is not ours.
    """
    if not 0 <= wanted <= 65535:
        raise CourseError(f"{wanted} is no port: choose one between 1024 and 65535, or 0 for any.")
    candidates = range(wanted, wanted + PORTS_TO_TRY) if wanted == DEFAULT_PORT else [wanted]
    for port in candidates:
        found = _bind(ip, port)
        if found:
            return found
    raise CourseError(
        f"Port {wanted} is taken: choose another one, for example `--port {wanted + 2}`, or `--port 0` for any."
    )


def _bind(ip: str, port: int) -> int:
    """The port that could be had, 0 if it is taken."""
    host = {"*": "", "localhost": "127.0.0.1"}.get(ip, ip)
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            if os.name != "nt":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return probe.getsockname()[1]
    except OSError as error:
        if error.errno == errno.EADDRINUSE or (
            os.name == "nt" and isinstance(error, PermissionError)
        ):
            return 0
        if isinstance(error, PermissionError):
            raise CourseError(
                f"Port {port} is reserved for the system: choose one above 1023."
            ) from error
        raise CourseError(
            f"{ip} is no address of this computer: leave --ip out, or use 0.0.0.0."
        ) from error
