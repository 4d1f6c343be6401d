"""Where the words of a generated text come from: how much choice there was, and who is quoted."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.workbook.corpus import Corpus, mask_emails
from course_lib.workbook.corpus.words import join_words, split_words


@dataclass(frozen=True)
class LookedUp:
    """A generated text, shown so that a copied word can be told from a chosen one.

    choices   for each word but the first two: from how many different words it was drawn
    """

    words: Sequence[str]
    choices: Sequence[int]

    def __repr__(self) -> str:
        each = " ".join(map("{}({})".format, self.words[2:], self.choices))
        copied = f"{self.choices.count(1)} of {len(self.choices)} words had no alternative: copied."
        return f"{copied} {join_words(self.words[:2])} {each}"

    def _repr_html_(self) -> str:
        kinds = {1: ("u", "#bd1f0130"), 5: ("i", "#ffa90e40"), 10**9: ("b", "#3f90da40")}
        text = html.escape(join_words(self.words[:2]))
        for place, choices in enumerate(self.choices, 3):
            before = len(join_words(self.words[: place - 1]))
            piece = html.escape(join_words(self.words[:place])[before:])
            tag, colour = next(kind for most, kind in kinds.items() if choices <= most)
            text += f'<{tag} style="background:{colour}" title="{choices} words">{piece}</{tag}>'
        names = "no alternative", "2 to 5 words to choose from", "more"
        key = " · ".join(f"<{t}>{n}</{t}>" for (t, _), n in zip(kinds.values(), names, strict=True))
        said = repr(self).split(".")[0]
        return f'<p style="max-width:46em">{text}</p><p>{key}<br>{said}.</p>'


def quotations(words: Sequence[str], corpus: Corpus) -> list[tuple[list[str], str]]:
    """The text in pieces, each as long as possible, that stand word for word in one document.

    Returns (words, the document's id). A piece counts with the two words before it, from which
    its first word was guessed; where nothing fits, the id is empty.
    """
    texts = {d.id: f" {' '.join(split_words(mask_emails(d.text)))} " for d in corpus}
    pieces, start = [], 0
    while start < len(words):
        end, source, holding = start, "", list(texts)
        while holding and end < len(words):
            longer = f" {' '.join(words[max(0, start - 2) : end + 1])} "
            holding = [name for name in holding if longer in texts[name]]
            end, source = (end + 1, holding[0]) if holding else (end, source)
        pieces.append((list(words[start : max(end, start + 1)]), source))
        start = max(end, start + 1)
    return pieces
