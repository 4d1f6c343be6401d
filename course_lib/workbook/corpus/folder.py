"""Going through a folder: every file once, in a fixed order, and nothing outside of it."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.workbook.corpus.problems import Problem

# Tools' own folders and files; those that begin with a dot, or as Office's locks, are left out too.
LEFT_OUT = {
    "node_modules",
    "__pycache__",
    "__MACOSX",
    "System Volume Information",
    "$RECYCLE.BIN",
    "Thumbs.db",
    "desktop.ini",
}


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is not the reader's own text."""
    return name.startswith((".", "~$")) or name in LEFT_OUT


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or what could not be followed. ``name`` is its path in the folder, with ``/``."""

    path: Path
    name: str
    size: int = 0
    changed: int = 0  # nanoseconds
    problem: Problem | None = None


class Walk:
    """Iterate over it for every file below ``root`` (or ``root`` itself if it is a file).

    Sorted by name, folder by folder. Of hidden things only the number (``hidden``) and some
    names are kept. A link is followed only to a file of this folder that is not read anyway
    (``can_read`` tells by the name). Pipes, sockets and devices are never opened.
    """

    def __init__(self, root: Path, can_read: Callable[[str], bool]) -> None:
        self.root = root
        self.can_read = can_read
        self.hidden = 0
        self.hidden_names: list[str] = []

    def __iter__(self) -> Iterator[Found]:
        if not self.root.is_dir():
            regular = self.root.is_file()
            yield (
                self._file(self.root, self.root.name)
                if regular
                else self._bad("special", self.root.name)
            )
            return
        visited: set[tuple[int, int]] = set()
        waiting = [self._entries(str(self.root), "", visited)]
        while waiting:
            item = next(waiting[-1], None)
            if item is None:
                waiting.pop()
            elif isinstance(item, Found):
                yield item
            else:
                waiting.append(self._entries(*item, visited))

    def _entries(
        self, folder: str, name: str, visited: set[tuple[int, int]]
    ) -> Iterator[Found | tuple[str, str]]:
        """What stands in one folder: files and problems, and (path, name) of folders."""
        try:
            status = os.stat(folder)
            if status.st_ino and (status.st_dev, status.st_ino) in visited:
                yield self._bad("link_loop", name)
                return
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield self._bad("not_readable", name or self.root.name, error.strerror)
            return
        for entry in found:
            own = f"{name}/{entry.name}" if name else entry.name
            if is_hidden(entry.name):
                self._hide(own)
                continue
            try:
                if entry.is_symlink() or getattr(entry, "is_junction", bool)():
                    yield from self._link(Path(entry.path), own)
                elif entry.is_dir(follow_symlinks=False):
                    yield entry.path, own
                elif entry.is_file(follow_symlinks=False):
                    yield self._file(Path(entry.path), own)
                else:
                    yield self._bad("special", own)
            except OSError as error:
                yield self._bad("not_readable", own, error.strerror)

    def _link(self, path: Path, name: str) -> Iterator[Found]:
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop, before Python 3.13
            kind = getattr(error, "errno", errno.ELOOP)
            reasons = {errno.ELOOP: "link_loop", errno.EACCES: "not_readable"}
            yield self._bad(reasons.get(kind, "broken_link"), name)
            return
        if not target.is_relative_to(self.root):
            yield self._bad("outside_link", name)
        elif path.is_relative_to(target):
            yield self._bad("link_loop", name)
        elif not (target.is_dir() or target.is_file()):
            yield self._bad("special", name)
        elif not any(is_hidden(part) for part in target.relative_to(self.root).parts) and (
            target.is_dir() or self.can_read(target.name)
        ):
            yield self._bad("inside_link", name)
        elif target.is_dir():
            self._hide(name)
        else:
            yield self._file(path, name)

    def _file(self, path: Path, name: str) -> Found:
        status = os.stat(path)
        return Found(path, clean_name(name), status.st_size, status.st_mtime_ns)

    def _bad(self, reason: str, name: str, detail: str | None = None) -> Found:
        sentence = f"it cannot be read ({detail})" if detail else ""
        return Found(self.root, clean_name(name), problem=Problem(reason, sentence))

    def _hide(self, name: str) -> None:
        self.hidden += 1
        if len(self.hidden_names) < 3:
            self.hidden_names.append(clean_name(name))


def clean_name(name: str) -> str:
    """A name as valid Unicode: bytes of a file name that are none are written as ``\\udcff``."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
