"""Where the course keeps what it writes: environment, working copy, caches, settings.

Standard library only, and it parses under Python 3.8: the first command of the
README runs it before anything is installed.
"""

import os
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def is_writable(folder):
    """True when a file can really be made in ``folder`` (permission bits lie on some systems)."""
    try:
        with tempfile.TemporaryFile(dir=str(folder)):
            return True
    except OSError:
        return False


def user_data_folder():
    """The folder in which this operating system wants a user's application data."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "chatgpt-from-scratch"


def home():
    """The folder below which everything that the course writes is kept.

    ``COURSE_HOME`` if it is set; else the checkout; else, where the checkout is
    read-only, the user's data folder; else a temporary folder.
    """
    chosen = os.environ.get("COURSE_HOME")
    if chosen:
        folder = Path(chosen).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    if is_writable(REPOSITORY):
        return REPOSITORY
    try:
        folder = user_data_folder()
        folder.mkdir(parents=True, exist_ok=True)
        if is_writable(folder):
            return folder
    except (OSError, RuntimeError):
        pass
    folder = Path(tempfile.gettempdir()) / "chatgpt-from-scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def home_note():
    """One sentence that says where things go, or "" when that is the checkout itself."""
    folder = home()
    if folder == REPOSITORY:
        return ""
    if os.environ.get("COURSE_HOME"):
        return f"COURSE_HOME is set: environment, notebooks and caches are kept in {folder}."
    return f"The checkout is read-only: environment, notebooks and caches are kept in {folder}."


def environment_folder():
    """The virtual environment of the course."""
    return home() / ".venv"


def work_folder():
    """The learner's own copy of the notebooks; git ignores it."""
    return home() / "work"


def state_folder():
    """Settings, progress and caches; git ignores it. It is made when it is missing."""
    folder = home() / ".course"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cache_folder():
    """What can be made again at any time: extracted corpora, downloaded or converted models."""
    folder = state_folder() / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
