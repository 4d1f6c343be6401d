"""An adapter's folder as one zip file with one checksum, to be given away.

The zip holds nothing but safetensors and text. Its SHA-256 is published beside it: a checksum inside
could be rewritten together with what it guards.
"""

import hashlib
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from course_lib.errors import CourseError
from course_lib.workbook.atomic import atomic_write

ENDINGS = (".safetensors", ".json", ".md", ".txt", ".jinja")
SYSTEM = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}  # what file managers add
MAX_BYTES = 4 * 10**9
DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


def pack(folder: Path, path: Path) -> str:
    """Write the zip, whole or not at all, and return its SHA-256."""
    with (
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for member in sorted(Path(folder).iterdir()):
            if member.suffix in ENDINGS:
                file.write(member, member.name)
    return checksum(path)


def checksum(path: Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(path: Path, folder: Path, sha256: str | None = None) -> Path:
    """Write an archive's files to the new ``folder``, which then opens with ``load_adapter``.

    sha256   what ``pack`` returned; without it nothing says that the file is the one that was made

    A zip that a Mac has packed again is read, too: what its system adds is passed over. Raises
    ``CourseError``, and writes nothing, for a damaged or another file, for anything but safetensors and
    text, and for a name that would leave the folder.
    """
    path, folder = Path(path), Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise CourseError(f"The folder {folder.name} is not empty: give a new one.")
    try:
        if sha256 is not None and checksum(path) != sha256:
            raise CourseError(
                f"{path.name} is not the file that was packed: its SHA-256 is another one."
            )
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(member) for name, member in _members(archive, path.name)}
    except DAMAGED as error:
        raise CourseError(f"{path.name} is missing or damaged: fetch it again.") from error
    if "adapter_model.safetensors" not in files:
        raise CourseError(f"{path.name} holds no adapter_model.safetensors, so it is no adapter.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def _members(archive: zipfile.ZipFile, title: str) -> list[tuple[str, zipfile.ZipInfo]]:
    """(name in the folder, member) of each file; one folder around all of them is taken off."""
    members = []
    for member in archive.infolist():
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if member.is_dir() or SYSTEM.intersection(parts) or parts[-1].startswith("._"):
            continue
        if ".." in parts or parts[0].startswith("/") or ":" in member.filename:
            raise CourseError(f"{title} is refused: {member.filename!r} would leave the folder.")
        if not member.filename.endswith(ENDINGS):
            raise CourseError(
                f"{title} is refused: {member.filename!r} is neither safetensors nor text."
            )
        members.append((parts, member))
    if sum(member.file_size for _, member in members) > MAX_BYTES:
        raise CourseError(f"{title} is refused: it would unpack to more than {MAX_BYTES:,} bytes.")
    outer = {parts[:-1] for parts, _ in members}
    if len(outer) > 1 or any(len(parts) > 1 for parts in outer):
        raise CourseError(f"{title} is refused: an adapter's files lie in one folder, not in many.")
    return [(parts[-1], member) for parts, member in members]
