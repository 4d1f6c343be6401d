"""Scripts for ELIZA, in the S-expression format of the 1966 paper's appendix.

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

Joseph Weizenbaum 1966, "ELIZA: a computer program for the study of natural language
communication between man and machine", Communications of the ACM 9 (1).
"""

import re
from dataclasses import dataclass, field

Pattern = tuple["int | str | AnyOf | Tagged", ...]


@dataclass(frozen=True)
class AnyOf:
    """``(*SAD UNHAPPY)``: one word out of several."""

    words: frozenset[str]


@dataclass(frozen=True)
class Tagged:
    """``(/FAMILY NOUN)``: one word that carries one of these tags."""

    tags: frozenset[str]


@dataclass(frozen=True)
class Link:
    """``(=KEYWORD)``: go on with the rules of another keyword."""

    keyword: str


@dataclass(frozen=True)
class NewKey:
    """``(NEWKEY)``: give this keyword up and try the next one on the stack."""


@dataclass(frozen=True)
class Reassembly:
    """Words and numbers; a number stands for that part of the decomposition, from 1."""

    parts: tuple[int | str, ...]


@dataclass(frozen=True)
class Pre:
    """``(PRE (YOU ARE 3) (=I))``: rebuild the sentence, then follow the link."""

    rebuild: Reassembly
    link: Link


Action = Link | NewKey | Reassembly | Pre


@dataclass
class Rule:
    """A decomposition and what can be made of it; ``turn`` says which is next."""

    pattern: Pattern
    actions: tuple[Action, ...]
    line: int
    turn: int = 0

    def next_action(self) -> Action:
        """The action whose turn it is; the last is followed by the first."""
        action = self.actions[self.turn % len(self.actions)]
        self.turn += 1
        return action


@dataclass
class Keyword:
    """All that the script says of one word."""

    word: str
    rank: int = 0
    substitute: str | None = None
    tags: frozenset[str] = frozenset()
    rules: list[Rule | Link] = field(default_factory=list)


@dataclass
class Script:
    """A script that has been read: greeting, keywords, the memory rules and the last resort."""

    greeting: str
    keywords: dict[str, Keyword]
    none: Rule
    memory_keyword: str | None = None
    memory: tuple[tuple[Pattern, Reassembly], ...] = ()

    def tags_of(self, word: str) -> frozenset[str]:
        keyword = self.keywords.get(word)
        return keyword.tags if keyword else frozenset()


def tidy(words: list[str]) -> str:
    """Words as a sentence: no blank before a comma or a full stop."""
    return re.sub(r" ([,.])", r"\1", " ".join(words))
