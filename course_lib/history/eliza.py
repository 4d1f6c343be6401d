"""ELIZA (1966), as Weizenbaum's paper describes it and the recovered source runs it.

The program knows nothing: it looks for keywords, takes the sentence apart and puts it
together again, as its script says. What the paper leaves open comes from the MAD-SLIP source
that was found in the MIT archives in 2021 (Lane, Hay, Schwarz, Berry and Shrager 2025, "ELIZA
Reanimated"): which words end a clause, when a memory is recalled, and how one is chosen.
"""

import re
from collections import deque
from collections.abc import Sequence

from course_lib.history.eliza_script import (
    AnyOf,
    Keyword,
    Link,
    NewKey,
    Pattern,
    Pre,
    Reassembly,
    Rule,
    Script,
    Tagged,
    tidy,
)

DELIMITERS = frozenset({",", ".", "BUT"})
_INPUT = re.compile(r"[,.]|[^\s,.]+")
_BLANK = 0o60
# The six-bit codes of the IBM 7094.
_CODES = {character: 0o00 + n for n, character in enumerate("0123456789")}
_CODES |= {character: 0o21 + n for n, character in enumerate("ABCDEFGHI")}
_CODES |= {character: 0o41 + n for n, character in enumerate("JKLMNOPQR")}
_CODES |= {character: 0o62 + n for n, character in enumerate("STUVWXYZ")}
_CODES |= {"=": 0o13, "'": 0o14, "+": 0o20, "-": 0o40, "$": 0o53, "*": 0o54, "/": 0o61}


def hash_word(word: str) -> int:
    """The memory hash: 0, 1, 2 or 3 from the last six-character group of a word.

    >>> hash_word("HERE")
    3
    """
    start = 6 * ((len(word) - 1) // 6) if word else 0
    value = 0
    for character in word[start:].ljust(6):
        value = value << 6 | _CODES.get(character, _BLANK)
    value &= (1 << 35) - 1
    return value * value >> 34 & 3


def split_input(text: str) -> list[str]:
    """Upper-case words and delimiters; other sentence marks count as full stops."""
    marks = str.maketrans(
        {"?": " . ", "!": " . ", ";": " , ", ":": " , ", "’": "'", '"': " ", "(": " ", ")": " "}
    )
    return _INPUT.findall(text.translate(marks).upper())


def match(script: Script, pattern: Pattern, words: Sequence[str]) -> list[list[str]] | None:
    """The parts of ``words``, one for each element of the pattern, or None.

    ``0`` takes as few words as possible, from left to right. Dead ends are remembered, so
    that long inputs stay quick.
    """
    dead: set[tuple[int, int]] = set()

    def fits(element: object, word: str) -> bool:
        if isinstance(element, AnyOf):
            return word in element.words
        if isinstance(element, Tagged):
            return bool(element.tags & script.tags_of(word))
        return element == word

    def rest(element: int, start: int) -> list[list[str]] | None:
        if element == len(pattern):
            return [] if start == len(words) else None
        if (element, start) in dead:
            return None
        wanted = pattern[element]
        if wanted == 0:
            ends = range(start, len(words) + 1)
        elif isinstance(wanted, int):
            ends = range(start + wanted, min(start + wanted, len(words)) + 1)
        else:
            fit = start < len(words) and fits(wanted, words[start])
            ends = range(start + 1, start + 2) if fit else range(0)
        for end in ends:
            found = rest(element + 1, end)
            if found is not None:
                return [list(words[start:end]), *found]
        dead.add((element, start))
        return None

    return rest(0, 0)


def reassemble(answer: Reassembly, parts: list[list[str]]) -> list[str]:
    """Words stay; a number becomes that part of the decomposition."""
    words: list[str] = []
    for piece in answer.parts:
        words += parts[piece - 1] if isinstance(piece, int) else [piece]
    return words


class Eliza:
    """A conversation that follows a script. ``trace`` tells how the last answer came about."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.limit = 1
        self.memories: deque[str] = deque()
        self.trace: list[str] = []

    @property
    def greeting(self) -> str:
        return self.script.greeting

    def answer(self, text: str) -> str:
        """What the program says to ``text``. Any text gets an answer."""
        self.trace = []
        self.limit = self.limit % 4 + 1
        words, stack = self._scan(split_input(text))
        self._note(f"words: {' '.join(words) or '(none)'}")
        self._note(f"keywords: {', '.join(stack) or '(none)'}; limit {self.limit}")
        if not stack and self.limit == 4 and self.memories:
            self._note("no keyword and the limit is 4: the oldest memory is recalled")
            return self.memories.popleft()
        return self._follow(words, stack) or self._last_resort(words)

    def _note(self, line: str) -> None:
        self.trace.append(line)

    def _scan(self, words: list[str]) -> tuple[list[str], list[str]]:
        """Substitute words and stack keywords, up to the end of the first clause that has one."""
        kept: list[str] = []
        stack: list[str] = []
        top = 0
        for word in words:
            if word in DELIMITERS:
                if stack:
                    break
                kept = []
                continue
            keyword = self.script.keywords.get(word)
            if keyword is not None and keyword.rules:
                if keyword.rank > top:
                    stack.insert(0, word)
                    top = keyword.rank
                else:
                    stack.append(word)
            kept.append(keyword.substitute if keyword is not None and keyword.substitute else word)
        return kept, stack

    def _follow(self, words: list[str], stack: list[str]) -> str | None:
        """Work through the stack until a rule gives an answer."""
        visited = 0
        while stack and visited < 100:  # scripts may link in a circle
            visited += 1
            keyword = self.script.keywords[stack.pop(0)]
            self._remember(keyword.word, words)
            action, parts = self._decompose(keyword, words)
            if isinstance(action, Reassembly):
                return tidy(reassemble(action, parts))
            if isinstance(action, Pre):
                words = reassemble(action.rebuild, parts)
                self._note(f"{keyword.word}: rebuilt as {' '.join(words)}")
                action = action.link
            if isinstance(action, Link):
                self._note(f"{keyword.word}: link to {action.keyword}")
                stack.insert(0, action.keyword)
            elif isinstance(action, NewKey):
                self._note(f"{keyword.word}: NEWKEY, the next keyword")
            else:
                self._note(f"{keyword.word}: no decomposition fits")
                return None
        return None

    def _decompose(self, keyword: Keyword, words: list[str]) -> tuple[object, list[list[str]]]:
        """The action of the first rule that fits, and the parts."""
        for rule in keyword.rules:
            if isinstance(rule, Link):
                return rule, []
            parts = match(self.script, rule.pattern, words)
            if parts is not None:
                self._note(
                    f"{keyword.word}: rule of line {rule.line} fits, answer {self._turn(rule)}"
                )
                return rule.next_action(), parts
        return None, []

    @staticmethod
    def _turn(rule: Rule) -> str:
        return f"{rule.turn % len(rule.actions) + 1} of {len(rule.actions)}"

    def _remember(self, keyword: str, words: list[str]) -> None:
        """For the memory keyword: keep an answer for later, by the rule that the hash chooses."""
        if keyword != self.script.memory_keyword or not words:
            return
        pattern, answer = self.script.memory[hash_word(words[-1])]
        parts = match(self.script, pattern, words)
        if parts is not None:
            self.memories.append(tidy(reassemble(answer, parts)))
            self._note(f"{keyword}: kept for later: {self.memories[-1]}")

    def _last_resort(self, words: list[str]) -> str:
        """An answer that always fits."""
        rule = self.script.none
        self._note(f"NONE: answer {self._turn(rule)}")
        action = rule.next_action()
        parts = match(self.script, rule.pattern, words) or [words] * len(rule.pattern)
        return tidy(reassemble(action, parts)) if isinstance(action, Reassembly) else ""
