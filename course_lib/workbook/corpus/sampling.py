"""A bounded sample of a stream of documents that does not depend on their order."""

from dataclasses import dataclass, field

from course_lib.workbook.corpus.document import Document, stable_hash

MOST_DOCUMENTS = 100_000  # each costs memory beside its text, too


@dataclass
class Sample:
    """Documents kept by a seeded hash of their ids, at most ``budget`` bytes of UTF-8.

    A document is kept while its hash lies below a threshold. The threshold starts at 1 and is
    halved whenever what is kept exceeds the budget. In the end it is the largest 1/2^k at which
    the whole stream fits, whatever the order in which the documents came. One document is
    always kept, even when it alone exceeds the budget.
    """

    budget: int
    seed: int = 0
    most: int = MOST_DOCUMENTS
    seen: int = 0
    seen_characters: int = 0
    threshold: float = 1.0
    kept_bytes: int = 0
    _kept: list[tuple[float, int, Document]] = field(default_factory=list)
    _lowest: tuple[float, int, Document] | None = None

    def add(self, document: Document) -> None:
        """Look at one more document."""
        self.seen += 1
        self.seen_characters += len(document.text)
        chance = stable_hash(document.id, self.seed)
        if chance >= self.threshold and self._kept:
            return
        entry = (chance, len(document.text.encode("utf-8", "replace")), document)
        if self._lowest is None or chance < self._lowest[0]:
            self._lowest = entry
        if chance < self.threshold:
            self._kept.append(entry)
            self.kept_bytes += entry[1]
            self._shrink()

    def _shrink(self) -> None:
        while self._kept and (self.kept_bytes > self.budget or len(self._kept) > self.most):
            self.threshold /= 2
            self._kept = [entry for entry in self._kept if entry[0] < self.threshold]
            self.kept_bytes = sum(size for _, size, _ in self._kept)

    @property
    def documents(self) -> list[Document]:
        """What was kept, in the order in which it came."""
        if not self._kept and self._lowest is not None:
            return [self._lowest[2]]
        return [document for _, _, document in self._kept]

    @property
    def kept_fraction(self) -> float:
        """Characters kept, as a share of all characters seen; 1.0 when nothing was left out."""
        kept = sum(len(document.text) for document in self.documents)
        return kept / self.seen_characters if self.seen_characters else 1.0
