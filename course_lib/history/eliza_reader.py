"""Reading an ELIZA script: S-expressions, and a sentence with the line for what is not understood."""

import re
from dataclasses import dataclass

from course_lib.errors import CourseError
from course_lib.history.eliza_script import (
    Action,
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

_TOKEN = re.compile(r"[()]|[=,.]|[^\s()=,.;]+")


@dataclass(frozen=True)
class _Atom:
    text: str
    line: int


@dataclass(frozen=True)
class _List:
    items: tuple["_Atom | _List", ...]
    line: int


def _refuse(line: int, why: str) -> CourseError:
    return CourseError(
        f"The script cannot be read: line {line}: {why}. Mend that line and load it again."
    )


def _read(text: str) -> list[_Atom | _List]:
    """The S-expressions of a script, each with the line on which it begins."""
    stack: list[tuple[int, list]] = [(0, [])]
    for number, line in enumerate(text.upper().splitlines(), 1):
        for token in _TOKEN.findall(line.split(";", 1)[0]):
            if token == "(":
                stack.append((number, []))
            elif token == ")":
                if len(stack) == 1:
                    raise _refuse(number, "a bracket is closed that was never opened")
                begun, items = stack.pop()
                stack[-1][1].append(_List(tuple(items), begun))
            else:
                stack[-1][1].append(_Atom(token, number))
    if len(stack) > 1:
        raise _refuse(stack[-1][0], "the bracket that opens here is never closed")
    return stack[0][1]


def _words(items: tuple[_Atom | _List, ...], line: int) -> list[str]:
    for item in items:
        if isinstance(item, _List):
            raise _refuse(item.line, "a list stands where only words may stand")
    if not items:
        raise _refuse(line, "an empty list")
    return [item.text for item in items]  # type: ignore[union-attr]


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _pattern(items: tuple[_Atom | _List, ...], line: int) -> Pattern:
    """A decomposition: words, numbers (0: any number of words), ``(*…)`` and ``(/…)``."""
    if not items:
        raise _refuse(line, "an empty decomposition")
    pattern: list[int | str | AnyOf | Tagged] = []
    for item in items:
        if isinstance(item, _Atom):
            pattern.append(_number(item.text))
            continue
        words = _words(item.items, item.line)
        mark, rest = words[0][0], [word for word in (words[0][1:], *words[1:]) if word]
        if mark not in "*/" or not rest:
            raise _refuse(
                item.line, "inside a decomposition only (*…) and (/…) may stand in brackets"
            )
        pattern.append(AnyOf(frozenset(rest)) if mark == "*" else Tagged(frozenset(rest)))
    return tuple(pattern)


def _is_link(item: _Atom | _List) -> bool:
    return (
        isinstance(item, _List)
        and len(item.items) == 2
        and item.items[0] == _Atom("=", item.items[0].line)
    )


def _link(item: _List) -> Link:
    return Link(_words(item.items, item.line)[1])


def _action(item: _Atom | _List) -> Action:
    """What stands after a decomposition."""
    if isinstance(item, _Atom):
        raise _refuse(item.line, f"{item.text} stands where a list is expected")
    if _is_link(item):
        return _link(item)
    first = item.items[0] if item.items else None
    if isinstance(first, _Atom) and first.text == "NEWKEY" and len(item.items) == 1:
        return NewKey()
    if isinstance(first, _Atom) and first.text == "PRE":
        rest = item.items[1:]
        if len(rest) != 2 or not isinstance(rest[0], _List) or not _is_link(rest[1]):
            raise _refuse(
                item.line, "PRE needs a list to rebuild and a link, as in (PRE (YOU ARE 3) (=I))"
            )
        rebuild = Reassembly(tuple(map(_number, _words(rest[0].items, rest[0].line))))
        return Pre(rebuild, _link(rest[1]))  # type: ignore[arg-type]
    return Reassembly(tuple(map(_number, _words(item.items, item.line))))


def _rule(item: _List) -> Rule:
    if not item.items or not isinstance(item.items[0], _List) or len(item.items) < 2:
        raise _refuse(item.line, "a rule needs a decomposition in brackets and at least one answer")
    pattern = _pattern(item.items[0].items, item.items[0].line)
    actions = tuple(_action(action) for action in item.items[1:])
    for action in actions:
        rebuilt = action.rebuild if isinstance(action, Pre) else action
        if isinstance(rebuilt, Reassembly):
            for part in rebuilt.parts:
                if isinstance(part, int) and not 1 <= part <= len(pattern):
                    why = (
                        f"an answer asks for part {part}, and the decomposition has {len(pattern)}"
                    )
                    raise _refuse(item.line, why)
    return Rule(pattern, actions, item.line)


def _keyword(item: _List) -> Keyword:
    """``(WORD = SUBSTITUTE RANK DLIST(/TAGS) RULES…)``, everything but the word optional."""
    head = item.items[0] if item.items else None
    if not isinstance(head, _Atom):
        raise _refuse(item.line, "a keyword is missing at the beginning of the list")
    keyword = Keyword(head.text)
    items = list(item.items[1:])
    while items:
        part = items.pop(0)
        follows = items[0] if items else None
        if isinstance(part, _List):
            keyword.rules.append(_link(part) if _is_link(part) else _rule(part))
        elif part.text == "=" and isinstance(follows, _Atom):
            keyword.substitute = follows.text
            items.pop(0)
        elif part.text == "DLIST" and isinstance(follows, _List):
            tags = " ".join(_words(follows.items, follows.line)).lstrip("/").split()
            keyword.tags = frozenset(tags)
            items.pop(0)
        elif part.text.isdecimal():
            keyword.rank = int(part.text)
        else:
            raise _refuse(
                part.line, f"{part.text} is not understood in the entry for {keyword.word}"
            )
    return keyword


def _memory(item: _List) -> tuple[str, tuple[tuple[Pattern, Reassembly], ...]]:
    """``(MEMORY MY (0 YOUR 0 = EARLIER YOU SAID YOUR 3) …)``: four rules, chosen by a hash."""
    if len(item.items) != 6 or not isinstance(item.items[1], _Atom):
        raise _refuse(item.line, "MEMORY needs a keyword and four rules")
    rules = []
    for rule in item.items[2:]:
        equals = [
            n
            for n, part in enumerate(getattr(rule, "items", ()))
            if getattr(part, "text", "") == "="
        ]
        if not isinstance(rule, _List) or len(equals) != 1:
            raise _refuse(rule.line, "a memory rule is a decomposition, =, and an answer")
        pattern = _pattern(rule.items[: equals[0]], rule.line)
        answer = _words(rule.items[equals[0] + 1 :], rule.line)
        rules.append((pattern, Reassembly(tuple(map(_number, answer)))))
    return item.items[1].text, tuple(rules)


def read_script(text: str) -> Script:
    """Read a script. ``CourseError`` names the line of the first thing that is not understood."""
    lists = [item for item in _read(text) if not (isinstance(item, _Atom) and item.text == "START")]
    lists = [item for item in lists if not (isinstance(item, _List) and not item.items)]
    for item in lists:
        if isinstance(item, _Atom):
            raise _refuse(item.line, f"{item.text} stands outside of all brackets")
    if not lists:
        raise _refuse(1, "it is empty")
    greeting, keywords, none, memory = _words(lists[0].items, lists[0].line), {}, None, (None, ())
    for item in lists[1:]:
        head = getattr(item.items[0], "text", "")
        if head == "MEMORY":
            memory = _memory(item)  # type: ignore[assignment]
        elif head == "NONE":
            none = (
                _rule(item.items[1])
                if len(item.items) == 2 and isinstance(item.items[1], _List)
                else None
            )
        else:
            keyword = _keyword(item)
            keywords[keyword.word] = keyword
    if none is None:
        raise _refuse(
            lists[-1].line, "the entry (NONE ((0) …)) for sentences without a keyword is missing"
        )
    _check_links(keywords)
    return Script(tidy(greeting), keywords, none, *memory)


def _check_links(keywords: dict[str, Keyword]) -> None:
    for keyword in keywords.values():
        for rule in keyword.rules:
            targets = (
                [rule]
                if isinstance(rule, Link)
                else [a.link if isinstance(a, Pre) else a for a in rule.actions]
            )
            for target in targets:
                if isinstance(target, Link) and target.keyword not in keywords:
                    line = getattr(rule, "line", 0)
                    why = f"the entry for {keyword.word} links to {target.keyword}, which has no entry"
                    raise (
                        _refuse(line, why)
                        if line
                        else CourseError(f"The script cannot be read: {why}.")
                    )
