"""What the user chose: the corpus, the profile, whether anybody is watching.

A choice comes from an environment variable or, for the corpus, from ``settings.json``, which the
wizard of notebook 00 and ``lab --corpus`` write. Every other module asks here, and writes its
own files with ``atomic_write``.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_lib import places
from course_lib.errors import CourseError

DEFAULT_CORPUS = "python-docs"
PROFILES = ("cpu", "gpu", "smoke")
DRIVE = Path("/content/drive/MyDrive")


def headless() -> bool:
    """True when nobody watches: tests and command-line runs show no bars and no widgets."""
    return os.environ.get("COURSE_HEADLESS", "") not in ("", "0")


def profile_choice() -> str | None:
    """``cpu``, ``gpu`` or ``smoke`` if ``COURSE_PROFILE`` names one, else None."""
    profile = os.environ.get("COURSE_PROFILE", "").strip().lower() or None
    if profile not in (None, *PROFILES):
        raise CourseError(f"COURSE_PROFILE is {profile!r}, but must be one of cpu, gpu, smoke.")
    return profile


def models_folder() -> Path:
    """Where the model that the set-up fetches is kept: ``COURSE_MODELS``, else ``.course/``."""
    chosen = os.environ.get("COURSE_MODELS")
    return Path(chosen).expanduser().resolve() if chosen else places.state_folder() / "models"


def endpoint() -> tuple[str, str, str]:
    """Address, key and name of a model elsewhere, each "" if unset; nothing keeps or shows them."""
    address, key, model = ("COURSE_ENDPOINT" + part for part in ("", "_KEY", "_MODEL"))
    return os.environ.get(address, ""), os.environ.get(key, ""), os.environ.get(model, "")


def settings_file() -> Path:
    """Where choices are kept: on Google Drive when Colab has it mounted, else in ``.course/``."""
    return (DRIVE / places.NAME if DRIVE.is_dir() else places.state_folder()) / "settings.json"


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; it replaces ``path`` when the block ends well.

    After an error or an interruption ``path`` is as it was, and the temporary file is gone.
    Folders that are missing are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> dict:
    """The object in a small JSON file of ours; {} when it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict) -> None:
    """Whole or not at all. Raises ``CourseError`` where it cannot be written."""
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)
    try:
        with atomic_write(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise CourseError(
            f"{path} could not be written ({error.strerror}): free some disk space or set "
            "COURSE_HOME to a folder of your own, then try again."
        ) from error


def corpus_choice(default: str = DEFAULT_CORPUS) -> str:
    """The corpus that every notebook takes: chosen by variable, by file, or the default."""
    chosen = os.environ.get("COURSE_CORPUS", "").strip()
    return chosen or str(read_json(settings_file()).get("corpus") or default)


def save_corpus_choice(source: str) -> None:
    """Keep the choice for every notebook from now on."""
    write_json(settings_file(), {"corpus": str(source)})
