"""Where the course keeps what it writes: environment, working copy, caches, settings."""

import os
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
NAME = "chatgpt-from-scratch"
VERSION = "0.1.0"


def is_writable(folder):
    """True when a file can really be made in ``folder`` (permission bits lie on some systems)."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=str(folder)):
            return True
    except OSError:
        return False


def home():
    """The folder below which everything that the course writes is kept: ``COURSE_HOME``, else the
    checkout, else (that is read-only) the user's data folder, else a temporary one."""
    if os.environ.get("COURSE_HOME"):
        folder = Path(os.environ["COURSE_HOME"]).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    if is_writable(REPOSITORY):
        return REPOSITORY
    usual = {"darwin": "~/Library/Application Support", "win32": "~/AppData/Local"}
    chosen = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME")
    base = chosen or os.path.expanduser(usual.get(sys.platform, "~/.local/share"))
    kept, temporary = Path(base) / NAME, Path(tempfile.gettempdir()) / NAME
    return kept if is_writable(kept) or not is_writable(temporary) else temporary


def home_note():
    """One sentence that says where things go, or "" when that is the checkout itself."""
    why = "COURSE_HOME is set" if os.environ.get("COURSE_HOME") else "The checkout is read-only"
    note = f"{why}: environment, notebooks and caches are kept in {home()}."
    return note if home() != REPOSITORY else ""


def state_folder(inner=""):
    """Settings, progress and caches; git ignores it. It is made when it is missing."""
    folder = home() / ".course" / inner
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cache_folder():
    """What can be made again at any time: extracted corpora."""
    return state_folder("cache")
