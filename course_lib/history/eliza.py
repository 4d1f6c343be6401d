"""ELIZA (Weizenbaum 1966, Communications of the ACM 9 (1)): the engine, and the reader of scripts.

The program knows nothing: it looks for keywords, takes the sentence apart and puts it together
again, as its script says. What the paper leaves open comes from the MAD-SLIP source that was
found in the MIT archives in 2021 (Lane, Hay, Schwarz, Berry and Shrager 2025, "ELIZA
Reanimated"): which words end a clause, when a memory is recalled, and how one is chosen.

A script, in the S-expressions of the paper's appendix:

    (HELLO, WHAT IS ON YOUR MIND)              the greeting: the first list
    START                                      optional
    (DONT = DON'T)                             a substitution
    (MY = YOUR 2                               substitution and rank of a keyword
        ((0 YOUR 0 (/FAMILY) 0)                a decomposition …
            (TELL ME MORE ABOUT YOUR FAMILY)   … and its reassemblies, used in turn
            (WHO ELSE IN YOUR FAMILY 5)
            (=WHAT) (NEWKEY) (PRE (YOU ARE 3) (=I))))
    (ALIKE 10 (=DIT))                          a link to another keyword's rules
    (MOTHER DLIST(/NOUN FAMILY))               tags
    (MEMORY MY (0 YOUR 0 = EARLIER YOU SAID YOUR 3) …)
    (NONE ((0) (PLEASE GO ON) …))
    ; a comment to the end of the line
"""

import re
import unicodedata
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from course_lib.errors import CourseError

DELIMITERS = frozenset({",", ".", "BUT"})


class Form(list):
    """A list of the script: words and other lists, and the line on which it begins."""

    line = 0


@dataclass
class Keyword:
    word: str
    rank: int = 0
    substitute: str | None = None
    tags: frozenset[str] = frozenset()
    rules: list[Form] = field(default_factory=list)


@dataclass
class Script:
    """``none`` is the rule of the last resort, ``memory`` has the memory keyword's four rules."""

    greeting: str = ""
    keywords: dict[str, Keyword] = field(default_factory=dict)
    none: Form = field(default_factory=Form)
    memory_keyword: str | None = None
    memory: list[Form] = field(default_factory=list)

    def __getitem__(self, word: str) -> Keyword:
        return self.keywords.get(word, Keyword(word))


# The six-bit codes of the IBM 7094; the blank stands at 48, and for characters that it lacked.
_CODES = "0123456789\0='\0\0\0+ABCDEFGHI\0\0\0\0\0\0-JKLMNOPQR\0$*\0\0\0 /STUVWXYZ"


def hash_word(word: str) -> int:
    """The memory hash: 0, 1, 2 or 3 from the last six-character group of a word.

    >>> hash_word("HERE")
    3
    """
    value = 0
    for character in word[6 * ((len(word) - 1) // 6) :].ljust(6):
        value = value << 6 | _CODES.find(character if character in _CODES else " ")
    value &= (1 << 35) - 1
    return value * value >> 34 & 3


def split_input(text: str) -> list[str]:
    """Upper-case words and delimiters; other sentence marks count as full stops."""
    marks = {"?": " . ", "!": " . ", ";": " , ", ":": " , ", "’": "'", '"': " ", "(": " ", ")": " "}
    return re.findall(r"[,.]|[^\s,.]+", text.translate(str.maketrans(marks)).upper())


def match(script: Script, pattern: Sequence, words: Sequence[str]) -> list[list[str]] | None:
    """The parts of ``words``, one for each element of the pattern, or None.

    ``0`` takes as few words as possible, from left to right. Dead ends are remembered, so
    that long inputs stay quick.
    """
    dead: set[tuple[int, int]] = set()

    def fits(element: str | Form, word: str) -> bool:
        if isinstance(element, str):
            return element == word
        marked = " ".join(element)  # (*SAD UNHAPPY): one of these words; (/FAMILY): one with a tag
        names = marked[1:].split()
        return word in names if marked[0] == "*" else not script[word].tags.isdisjoint(names)

    def rest(place: int, start: int) -> list[list[str]] | None:
        if place == len(pattern):
            return [] if start == len(words) else None
        if (place, start) in dead:
            return None
        element = pattern[place]
        if element == "0":
            ends = range(start, len(words) + 1)
        elif isinstance(element, str) and element.isdecimal():
            ends = range(start + int(element), min(start + int(element), len(words)) + 1)
        else:
            found = start < len(words) and fits(element, words[start])
            ends = range(start + 1, start + 2) if found else range(0)
        for end in ends:
            parts = rest(place + 1, end)
            if parts is not None:
                return [list(words[start:end]), *parts]
        dead.add((place, start))
        return None

    return rest(0, 0)


def reassemble(template: Sequence[str], parts: list[list[str]]) -> list[str]:
    """Words stay; a number becomes that part of the decomposition, from 1."""
    words: list[str] = []
    for piece in template:
        words += parts[int(piece) - 1] if piece.isdecimal() else [piece]
    return words


def tidy(words: Sequence[str]) -> str:
    """Words as a sentence: no blank before a comma or a full stop."""
    return re.sub(r" ([,.])", r"\1", " ".join(words))


class Eliza:
    """A conversation that follows a script. ``trace`` tells how the last answer came about."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.limit = 1
        self.memories: deque[str] = deque()
        self.trace: list[str] = []
        self._turns: Counter[int] = Counter()

    def answer(self, text: str) -> str:
        """What the program says to any ``text``."""
        self.limit = self.limit % 4 + 1
        words, stack = self._scan(split_input(text))
        self.trace = [
            f"words: {' '.join(words) or '(none)'}",
            f"keywords: {', '.join(stack) or '(none)'}; limit {self.limit}",
        ]
        if not stack and self.limit == 4 and self.memories:
            self.trace.append("no keyword and the limit is 4: the oldest memory is recalled")
            return self.memories.popleft()
        return self._follow(words, stack) or self._last_resort(words)

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
            keyword = self.script[word]
            if keyword.rules:
                stack.insert(0 if keyword.rank > top else len(stack), word)
                top = max(top, keyword.rank)
            kept.append(keyword.substitute or word)
        return kept, stack

    def _follow(self, words: list[str], stack: list[str]) -> str | None:
        """Work through the stack until a rule gives an answer."""
        for _ in range(100):  # scripts may link in a circle
            if not stack:
                return None
            keyword = self.script[stack.pop(0)]
            self._remember(keyword.word, words)
            action, parts = self._decompose(keyword, words)
            if action and action[0] == "PRE":  # rebuild the sentence, then follow the link
                words = reassemble(action[1], parts)
                self.trace.append(f"{keyword.word}: rebuilt as {' '.join(words)}")
                action = action[2]
            if not action:
                self.trace.append(f"{keyword.word}: no decomposition fits")
                return None
            if action[0] == "=":
                self.trace.append(f"{keyword.word}: link to {action[1]}")
                stack.insert(0, action[1])
            elif action == ["NEWKEY"]:
                self.trace.append(f"{keyword.word}: NEWKEY, the next keyword")
            else:
                return tidy(reassemble(action, parts))
        return None

    def _decompose(self, keyword: Keyword, words: list[str]) -> tuple[Form | None, list]:
        """The action of the first rule that fits, and the parts."""
        for rule in keyword.rules:
            if rule[0] == "=":
                return rule, []
            parts = match(self.script, rule[0], words)
            if parts is not None:
                note = f"{keyword.word}: rule of line {rule.line} fits,"
                return self._take_turn(rule, note), parts
        return None, []

    def _take_turn(self, rule: Form, note: str) -> Form:
        """The rule's next action; the last is followed by the first."""
        turn = self._turns[id(rule)] % (len(rule) - 1)
        self._turns[id(rule)] += 1
        self.trace.append(f"{note} answer {turn + 1} of {len(rule) - 1}")
        return rule[turn + 1]

    def _remember(self, keyword: str, words: list[str]) -> None:
        """For the memory keyword: keep an answer for later, by the rule that the hash chooses."""
        if keyword != self.script.memory_keyword or not words:
            return
        rule = self.script.memory[hash_word(words[-1])]
        parts = match(self.script, rule[0], words)
        if parts is not None:
            self.memories.append(tidy(reassemble(rule[1], parts)))
            self.trace.append(f"{keyword}: kept for later: {self.memories[-1]}")

    def _last_resort(self, words: list[str]) -> str:
        """An answer that always fits."""
        rule = self.script.none
        parts = match(self.script, rule[0], words) or [words] * len(rule[0])
        return tidy(reassemble(self._take_turn(rule, "NONE:"), parts))


def read_script(text: str) -> Script:
    """Read a script. ``CourseError`` names the line of the first thing that is not understood."""
    script = Script()
    for entry in filter(None, _forms(text)):
        try:
            _add(script, entry)
        except (AttributeError, IndexError, TypeError, ValueError):
            rule = "A rule looks like ((0 TEA 0) (WHY TEA 3)); the 3 is a part of (0 TEA 0)"
            raise _refusal(entry.line, f"is not understood. {rule}") from None
    if not script.none:
        raise _refusal(1, "begins a script without (NONE ((0) …)) for when no keyword fits")
    return script


def _refusal(line: int, why: str) -> CourseError:
    return CourseError(f"The script cannot be read: what begins on line {line} {why}.")


def _forms(text: str) -> Form:
    """The lists of a script. Invisible characters, such as a byte order mark, are left out."""
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf").replace("’", "'")
    stack = [Form()]
    for number, line in enumerate(visible.upper().splitlines(), 1):
        for token in re.findall(r"[()=,.]|[^\s()=,.;]+", line.split(";", 1)[0]):
            if token == "(":
                stack.append(Form())
                stack[-1].line = number
            elif len(stack) > 1:
                item = stack.pop() if token == ")" else token
                stack[-1].append(item)
            elif token != "START":
                raise _refusal(number, f"stands outside of all brackets: {token}")
    if len(stack) > 1:
        raise _refusal(stack[-1].line, "is never closed: a bracket is missing")
    return stack[0]


def _add(script: Script, entry: Form) -> None:
    """Put one list of the script in its place."""
    if not script.greeting:
        script.greeting = tidy(entry)
    elif entry[0] == "NONE":
        script.none = _rule(entry[-1])
    elif entry[0] == "MEMORY":  # (0 YOUR 0 = BUT YOUR 3) is read as ((0 YOUR 0) (BUT YOUR 3))
        _, script.memory_keyword, first, second, third, fourth = entry
        for rule in (first, second, third, fourth):
            at = rule.index("=")
            script.memory.append(_rule(Form([rule[:at], rule[at + 1 :]])))
    else:
        script.keywords[entry[0]] = _keyword(entry)


def _keyword(entry: Form) -> Keyword:
    """``(WORD = SUBSTITUTE RANK DLIST(/TAGS) RULES…)``, everything but the word optional."""
    word, *items = entry
    keyword = Keyword(word)
    while items:
        item = items.pop(0)
        if isinstance(item, list):
            keyword.rules.append(_rule(item))
        elif item == "=":
            keyword.substitute = items.pop(0)
        elif item == "DLIST":
            keyword.tags = frozenset(" ".join(items.pop(0)).lstrip("/").split())
        else:
            keyword.rank = int(item)
    return keyword


def _rule(rule: Form) -> Form:
    """A link, or ``((DECOMPOSITION) (ANSWER) …)``; an answer may be a link, NEWKEY or PRE."""
    if rule[0] == "=":
        return rule
    decomposition, *actions = rule
    if isinstance(decomposition, str) or not actions or not all([decomposition, *decomposition]):
        raise ValueError("a decomposition in brackets and at least one answer are needed")
    for action in actions:
        template = action[1] if action[0] == "PRE" else action
        if template[0] != "=":
            reassemble(template, [[]] * len(decomposition))  # raises for a part that is not there
    return rule
