"""JSON of any size as a stream of values, through ijson."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.workbook.corpus.encoding import TextFile
from course_lib.workbook.corpus.problems import Problem

LARGEST = 50_000_000  # characters of one value


class _Source:
    """The file in UTF-8, as ijson wants to read it; it stops when one value grows too large."""

    def __init__(self, path: Path) -> None:
        self.chunks = TextFile(path).chunks()
        self.waiting = b""
        self.since = 0  # bytes read since the last whole value

    def read(self, size: int) -> bytes:
        while size and not self.waiting:
            chunk = next(self.chunks, None)
            if chunk is None:
                return b""
            self.waiting = chunk.encode("utf-8")
        part, self.waiting = self.waiting[:size], self.waiting[size:]
        self.since += len(part)
        if self.since > LARGEST:
            raise Problem("too_large", f"one JSON value is larger than {LARGEST // 1_000_000} MB")
        return part


class JsonStream:
    """The values of one JSON file; ``found`` counts those that were given."""

    def __init__(self, path: Path) -> None:
        self.source = _Source(path)
        self.found = 0

    def items(self, prefix: str) -> Iterator[Any]:
        """The values at ``prefix`` (in ijson's notation; ``item`` is the list at the top)."""
        import ijson

        yield from self._guarded(ijson.items(self.source, prefix, use_float=True))

    def values(self) -> Iterator[Any]:
        """The values of the object at the top."""
        import ijson

        pairs = ijson.kvitems(self.source, "", use_float=True)
        yield from self._guarded(value for _, value in pairs)

    def list_of_objects(self) -> str:
        """The prefix of the first list of objects or, at the top, of anything; "" if none."""
        import ijson

        opened = ""
        for prefix, event, _ in self._guarded(ijson.parse(self.source)):
            if opened and event == "start_map":
                return opened
            opened = f"{prefix}.item" if event == "start_array" else ""
            if opened == ".item":
                return "item"
        return ""

    def _guarded(self, values: Iterator[Any]) -> Iterator[Any]:
        import ijson

        try:
            for value in values:
                self.found += 1
                self.source.since = 0
                yield value
        except ijson.JSONError as error:
            reason = str(error).splitlines()[0] if str(error) else "it breaks off"
            raise Problem(
                "broken_json", f"after {self.found:,} values it is not valid JSON ({reason})"
            ) from None
