"""Constrained decoding: an automaton that reads the text so far says which tokens may come next.

An expression becomes a net of places with arrows between them (Thompson 1968); the set of places
where one may be is a state of the automaton. It reads the bytes of UTF-8, so a token that holds
half a character is no special case. A mask sends all tokens through it at once, along the *trie* of
their common beginnings (as in Willard and Louf 2023; llguidance does so, too).
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from inspect import signature
from itertools import islice, pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from course_lib.errors import CourseError
from course_lib.transformer.bpe import CHARACTER
from course_lib.transformer.chat import read_talk
from course_lib.transformer.sampling import GREEDY, SamplingParams, draw, row_generators

MAX_STATES, MAX_WORK = 20_000, 3_000_000
LAST = 0x10FFFF  # of the characters
ENDED = -1  # the state behind the end mark
CHAR = r'[^"\\\x00-\x1f\x7f]|\\["\\bfnrt]|\\u00(?:[01][0-9a-fA-F]|7[fF])'  # of JSON's strings
KEYWORDS = {  # what is kept of each type; a word that is unknown here is refused, not forgotten
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set(),
    "null": set(),
}
CLASSES = {"DIGIT": [(48, 57)], "SPACE": [(9, 13), (32, 32)]}
CLASSES["WORD"] = [(48, 57), (65, 90), (95, 95), (97, 122)]
UNLIKE_JSON = [(0, 31), (34, 34), (92, 92), (127, 127)]  # what JSON's strings write as an escape
Nodes = list[tuple[Any, Any]]  # an expression as Python's parser has it: one after the other


class Grammar:
    """An automaton over bytes.

    table   (states, 256): the state after a byte; 0 is a dead end, 1 the beginning
    whole   (states,): whether the text may end there

    Raises ``CourseError`` if no text fits, or if it takes too many states: then it names the part.
    """

    def __init__(self, nodes: Nodes, name: str) -> None:
        self._ways: list[list] = [[]]  # from each place: (lowest byte, highest, to)
        self._free: list[list] = [[]]  # from each place: where one is, too
        self._part, self._known, self._work = [name], {}, 0
        states = {frozenset(): 0, self._reach([self._net(nodes, 0, name, False)]): 1}
        rows, back, count = [], {}, Counter()
        for here in (queue := list(states)):
            ways, row = [way for place in here for way in self._ways[place]], []
            for low, high in pairwise(sorted({end for a, b, _ in ways for end in (a, b + 1)})):
                there = self._reach(to for a, b, to in ways if a <= low <= b)
                if there not in states:
                    states[there] = len(states)
                    queue.append(there)
                    count[self._part[max(there)]] += 1
                    self._count(MAX_WORK // MAX_STATES, count.most_common(1)[0][0])
                row.append((low, high, states[there]))
                back.setdefault(states[there], []).append(states[here])
            rows.append(row)
        self.whole = np.array([0 in places for places in states])
        alive, queue = set(), np.flatnonzero(self.whole).tolist()
        while queue:  # back from the ends: what does not lead to one is a dead end
            if (state := queue.pop()) not in alive:
                alive.add(state)
                queue += back.get(state, [])
        if 1 not in alive:
            raise CourseError(f"{name} fits no text: its demands contradict each other.")
        self.table = np.zeros((len(states), 256), np.int32)
        for state, row in enumerate(rows):
            for low, high, there in row:
                self.table[state, low:high] = there if there in alive else 0
        del self._ways, self._free, self._part, self._known

    def read(self, text: str | bytes, state: int = 1) -> int:
        """The state after ``text``."""
        for byte in text.encode() if isinstance(text, str) else text:
            state = self.table[state, byte]
        return int(state)

    def _place(self, part: str, ways: Iterable = (), free: Iterable = ()) -> int:
        self._ways.append(list(ways))
        self._free.append(list(free))
        self._part.append(part)
        self._count(10, part)
        return len(self._part) - 1

    def _count(self, work: int, part: str) -> None:
        """Work is bounded: by ``MAX_WORK`` steps, of which a state costs its share."""
        self._work += work
        if self._work > MAX_WORK:
            raise CourseError(
                f"{part} makes the automaton too large (over {MAX_STATES:,} states): repeat less."
            )

    def _net(self, nodes: Nodes, then: int, part: str, plain: bool) -> int:
        """The place from which reading ``nodes`` leads to ``then``."""
        for kind, of in reversed(nodes):
            if kind == "byte":
                then = self._place(part, [(*of, then)])
            elif kind == "part":
                then = self._net(of[1], then, of[0], plain)
            elif kind == "plain":
                then = self._net(of, then, part, True)
            elif str(kind) == "SUBPATTERN" and not of[1] and not of[2]:
                then = self._net(of[3], then, part, plain)
            elif str(kind) == "BRANCH":
                free = [self._net(one, then, part, plain) for one in of[1]]
                then = self._place(part, free=free)
            elif str(kind) in ("MAX_REPEAT", "MIN_REPEAT"):
                least, most, inner = of
                end, endless = then, most == re._constants.MAXREPEAT
                if endless:
                    then = self._place(part)
                    self._free[then] = [self._net(inner, then, part, plain), end]
                for number in range(least if endless else most):
                    then = self._net(inner, then, part, plain)
                    if not endless and number < most - least:
                        then = self._place(part, free=[then, end])
            else:
                found = _characters(kind, of, part)
                found = _others(_others(found) + UNLIKE_JSON) if plain else found
                free = [self._net(one, then, part, False) for one in _utf8(tuple(found))]
                then = free[0] if len(free) == 1 else self._place(part, free=free)
        return then

    def _reach(self, places: Iterable[int]) -> frozenset[int]:
        """Where one is in these places: those from which something is read, and the end."""
        found = frozenset()
        for place in places:
            if place not in self._known:
                seen, queue = set(), [place]
                while queue:
                    if (one := queue.pop()) not in seen:
                        seen.add(one)
                        queue += self._free[one]
                self._known[place] = frozenset(n for n in seen if self._ways[n] or not n)
                self._count(len(seen), self._part[place])
            found |= self._known[place]
        self._count(len(found), self._part[max(found, default=0)])
        return found


def _characters(kind: Any, of: Any, part: str) -> list[tuple[int, int]]:
    """The ranges of characters that a node of Python's parser stands for; classes are ASCII's."""
    name = str(kind)
    if name == "IN":
        found = [pair for node in of if node[1] is not None for pair in _characters(*node, part)]
        return _others(found) if str(of[0][0]) == "NEGATE" else found
    if name == "CATEGORY":
        found = CLASSES.get(str(of).split("_")[-1], [])
        return _others(found) if "_NOT_" in str(of) else found
    if name in ("RANGE", "LITERAL"):
        return [of if name == "RANGE" else (of, of)]
    if name in ("ANY", "NOT_LITERAL"):
        return _others([(10, 10) if of is None else (of, of)])
    raise CourseError(
        f"{part} uses {str(of if name == 'AT' else kind).lower()}, which is not known here: take "
        "letters, classes, groups, | and repetitions."
    )


def _others(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """All other characters."""
    found, low = [], 0
    for first, last in sorted([*ranges, (LAST + 1, LAST + 1)]):
        if low < first:
            found.append((low, first - 1))
        low = max(low, last + 1)
    return found


@cache
def _utf8(ranges: tuple[tuple[int, int], ...]) -> list[Nodes]:
    """What these characters are in bytes; in each part of a range they have equally many."""
    lengths = [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, LAST)]
    both = [(max(a, c), min(b, d)) for a, b in ranges for c, d in lengths]
    return [_between(chr(a).encode(), chr(b).encode(), 0x80, 0xBF) for a, b in both if a <= b]


def _between(low: bytes, high: bytes, least: int, most: int) -> Nodes:
    """From ``low`` to ``high``, of one length, in the order of a lexicon; bytes least … most."""
    if not low:
        return []
    first, last, more = low[0], high[0], [("byte", (least, most))] * (len(low) - 1)
    bottom, top = bytes([least]) * len(more), bytes([most]) * len(more)
    if first == last or (low[1:], high[1:]) == (bottom, top):
        return [("byte", (first, last)), *(_between(low[1:], high[1:], least, most))]
    parts = [[("byte", (first, first)), *_between(low[1:], top, least, most)]]
    parts += [[("byte", (first + 1, last - 1)), *more]] if last - first > 1 else []
    return _one(*parts, [("byte", (last, last)), *_between(bottom, high[1:], least, most)])


def _one(*parts: Nodes) -> Nodes:
    return [(re._constants.BRANCH, (None, list(parts)))]


def _text(text: str) -> Nodes:
    return [(re._constants.LITERAL, ord(character)) for character in text]


def _parse(expression: str, name: str, around: str = "") -> Nodes:
    """An expression by Python's own parser; ``around`` is what may stand before ^ or after $."""
    try:
        parsed = re._parser.parse(expression, re.ASCII)
    except (re.error, TypeError) as error:
        raise CourseError(f"{name} is no regular expression: {error}.") from error
    if parsed.state.flags != re.ASCII:
        raise CourseError(f"{name} sets flags such as (?i): write out what they would allow.")
    nodes = parsed.data
    more = _parse(around, name) if around else []
    several = len(nodes) == 1 and str(nodes[0][0]) == "BRANCH"
    return _one(*(_edges(one, more) for one in (nodes[0][1][1] if several else [nodes])))


def _edges(nodes: Iterable, more: Nodes) -> Nodes:
    row, marks = list(nodes), ("AT_BEGINNING", "AT_END")
    begins, ends = (row and str(row[n][1]) == mark for n, mark in zip((0, -1), marks, strict=True))
    return more * (not begins) + row[bool(begins) : len(row) - bool(ends)] + more * (not ends)


def regex(expression: str) -> Grammar:
    """All of the text fits a regular expression: what an automaton can do of Python's, in ASCII."""
    name = f"The expression {expression!r}"
    return Grammar(_parse(expression, name), name)


def choices(texts: Iterable[str]) -> Grammar:
    """One of these texts."""
    return Grammar(_one(*map(_text, texts)), "The list of choices")


def json_schema(schema: dict) -> Grammar:
    """A value of a JSON Schema, written as ``json.dumps`` does: one line, ", " and ": ".

    Of the standard (2020-12) it knows type, enum, const, and ``KEYWORDS``; the rest is refused.
    Properties come in their order, and no others. A pattern is about characters that JSON writes as
    they are. Numbers with a bound have no exponent.
    """
    try:
        return Grammar(_schema(schema, "The schema"), "The schema")
    except RecursionError as error:
        raise CourseError("The schema has too many schemas in each other: flatten it.") from error


def _schema(schema: Any, path: str) -> Nodes:
    if not isinstance(schema, dict):
        raise CourseError(f'{path} is no schema: write one like {{"type": "string"}}.')
    if {"enum", "const"} & set(schema):
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        return _one(*(_text(json.dumps(value, ensure_ascii=False)) for value in values))
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in KEYWORDS:
        raise CourseError(f"{path} needs a type: one of {', '.join(KEYWORDS)}, or enum, or const.")
    known = {*KEYWORDS[kind], "type", "title", "description", "default", "$schema"}
    if strange := sorted(set(schema) - known):
        raise CourseError(f"{path} demands {strange[0]}, which is not known: take it out.")
    return [("part", (path, _value(kind, schema, path)))]


def _value(kind: str, schema: dict, path: str) -> Nodes:
    if kind == "object":
        return _object(schema, path)
    if kind == "array":
        least, most = _limits(schema, "minItems", "maxItems", path)
        item = _schema(schema.get("items"), f"{path}, items")
        more = _repeat(_text(", ") + item, max((least or 0) - 1, 0), most and most - 1)
        filled = [] if most == 0 else item + more
        return _text("[") + (filled if least else _one(filled, [])) + _text("]")
    if kind == "string":
        least, most = _limits(schema, "minLength", "maxLength", path)
        if "pattern" not in schema:
            inside = _repeat(_parse(CHAR, path), least or 0, most)
        elif (least, most) == (None, None):
            name = f"{path}, pattern {schema['pattern']!r}"
            inside = [("plain", _parse(schema["pattern"], name, r"[\s\S]*"))]
            inside = [("part", (name, inside))]
        else:
            raise CourseError(
                f"{path} has a pattern and a length: write the length into it, {{2,9}}."
            )
        return _text('"') + inside + _text('"')
    if kind in ("integer", "number"):
        least, most = _limits(schema, "minimum", "maximum", path)
        if least is most is None and kind == "number":
            return _parse(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", path)
        return _number(least, most, kind == "integer")
    return _one(*map(_text, ("true", "false") if kind == "boolean" else ("null",)))


def _object(schema: dict, path: str) -> Nodes:
    """Properties in their order; from the right, so that each knows what may follow it."""
    properties, required = schema.get("properties", {}), set(schema.get("required", ()))
    if missing := sorted(required - set(properties)):
        raise CourseError(f"{path} requires {missing[0]!r}, which is not among its properties.")
    first: Nodes = []
    later: Nodes = []
    for name, inner in reversed(properties.items()):
        member = _text(json.dumps(name, ensure_ascii=False) + ": ")
        member += _schema(inner, f"{path}, property {name}")
        more = _text(", ") + member
        first = member + later if name in required else _one(member + later, first)
        later = (more if name in required else _one(more, [])) + later
    return _text("{") + first + _text("}")


def _repeat(nodes: Nodes, least: int, most: int | None) -> Nodes:
    most = re._constants.MAXREPEAT if most is None else most
    return [(re._constants.MAX_REPEAT, (least, most, nodes))]


def _limits(schema: dict, low: str, high: str, path: str) -> tuple[Any, Any]:
    least, most = bounds = schema.get(low), schema.get(high)
    size = high != "maximum"
    for bound in bounds:
        fits = type(bound) is int and bound >= 0 if size else type(bound) in (int, float)
        fits = fits and abs(bound) < 1e300
        if bound is not None and not fits:
            raise CourseError(f"{path} has the bound {bound!r}: {low} and {high} are numbers.")
    if None not in bounds and least > most:
        raise CourseError(f"{path} fits no text: its {low} is {least} and its {high} {most}.")
    return bounds if size else tuple(x if x is None else Decimal(str(x)) for x in bounds)


def _number(least: Decimal | None, most: Decimal | None, whole: bool) -> Nodes:
    """Numbers from ``least`` to ``most``, without exponent; a minus only where some lie below 0."""
    parts = []
    if most is None or most >= 0:
        parts.append(_size(max(least or 0, Decimal(0)), most, whole))
    if least is None or least < 0:
        low = Decimal(0) if most is None else max(-most, Decimal(0))
        parts.append(_text("-") + _size(low, None if least is None else -least, whole))
    return _one(*parts)


def _size(low: Decimal, high: Decimal | None, whole: bool) -> Nodes:
    """Numbers from ``low``, at least 0, to ``high``: what stands before the point, and behind."""
    first, last = int(low), None if high is None else int(high)
    if whole:
        return _digits(first + (first < low), last)
    ends = [format(x % 1, "f")[2:].rstrip("0") if x is not None else None for x in (low, high)]
    if first == last:
        return _digits(first, first) + _behind(*ends)
    parts = [_digits(first, first) + _behind(ends[0], None)]
    parts.append(_digits(first + 1, last and last - 1) + _behind("", None))
    parts += [] if last is None else [_digits(last, last) + _behind("", ends[1])]
    return _one(*parts)


def _digits(low: int, high: int | None) -> Nodes:
    """Whole numbers from ``low`` to ``high``, by their number of digits."""
    top, parts = len(str(low if high is None else high)), []
    for size in range(len(str(low)), top + 1):
        a, b = max(low, 10 ** (size - 1) * (size > 1)), 10**size - 1
        b = b if high is None else min(b, high)
        parts += [_between(str(a).encode(), str(b).encode(), 48, 57)] if a <= b else []
    if high is None:
        parts.append([("byte", (49, 57)), *_repeat([("byte", (48, 57))], top, None)])
    return _one(*parts)


def _behind(low: str, high: str | None) -> Nodes:
    part = _text(".") + _fraction(low, high)
    return part if low else _one(part, [])


def _fraction(low: str, high: str | None) -> Nodes:
    """Digits, at least one, of 0.low to 0.high; None: below 1."""
    if not low and not high:
        return _repeat([("byte", (48, 57 if high is None else 48))], 1, None)
    a, b, fewer = int(low[:1] or 0), 9 if high is None else int(high[:1] or 0), high and high[1:]

    def on(digit: int, low: str, high: str | None) -> Nodes:
        more = _fraction(low, high)
        return _text(str(digit)) + (more if low else _one(more, []))

    if a >= b:
        return on(a, low[1:], fewer) if a == b else _one()
    between = [("byte", (49 + a, 47 + b)), *_repeat([("byte", (48, 57))], 0, None)]
    between = [between] if b - a > 1 else []
    return _one(on(a, low[1:], None), *between, on(b, "", fewer))


class Constraint:
    """A grammar in the tokens of a tokenizer. A state is a number; one begins with ``start()``."""

    def __init__(self, grammar: Grammar, tokenizer: Any) -> None:
        self.grammar, self.tokenizer = grammar, tokenizer
        self.trie, self.end = _trie(tokenizer, len(tokenizer)), tokenizer.eos_token_id
        self.mask = lru_cache(1_000)(self._mask)

    def start(self) -> int:
        """The state before anything is written."""
        return 1

    def finished(self, state: int) -> bool:
        """Whether the text is whole, so that the end mark may come (or has come)."""
        return state == ENDED or bool(self.grammar.whole[state])

    def advance(self, state: int, token: int) -> int:
        """The state after ``token``; 0, a dead end, if it is not allowed."""
        if token == self.end:
            return ENDED if self.finished(state) else 0
        if state == ENDED or token not in self.trie.words:
            return 0
        return self.grammar.read(self.trie.words[token], state)

    def _mask(self, state: int) -> Tensor:
        """Which tokens may come next: (vocabulary,). The end mark may where the text is whole."""
        allowed = np.zeros(len(self.tokenizer), bool)
        if state != ENDED:
            allowed[: len(self.trie.ends)] = self.trie.walk(self.grammar.table, state) > 0
        allowed[self.end] = self.finished(state)
        if not allowed.any():
            raise CourseError("No token of this model leads on: it cannot write what is demanded.")
        return torch.from_numpy(allowed)

    def forced(self, state: int) -> list[int]:
        """The tokens that must come next, as the tokenizer cuts them; none where there is a choice.

        The last ones are left out if a longer token could swallow them and go on.
        """
        table, text, here = self.grammar.table, bytearray(), state
        while here > 0 and not self.finished(here) and len(ways := table[here].nonzero()[0]) == 1:
            text.append(ways[0])
            here = int(table[here, ways[0]])
        tokens = self.tokenizer.encode(text.decode("utf-8", "ignore"), add_special_tokens=False)
        words = [self.trie.words.get(token, b"") for token in tokens]
        if bytes(text) != b"".join(words):  # a special token, or a blank that it puts before
            return []
        if here == ENDED or not table[here].any():
            return [*tokens, self.end]
        while tokens:
            before = self.grammar.read(b"".join(words[: len(tokens) - 1]), state)
            rest = len(text) - sum(map(len, words[: len(tokens) - 1]))
            allowed = self.mask(before).numpy()[: len(self.trie.sizes)]
            if (self.trie.sizes[allowed] <= rest).all():
                break
            tokens.pop()
        return tokens


@torch.no_grad()
def generate(
    model: Any,
    tokenizer: Any,
    messages: Sequence[dict],
    constraint: Constraint,
    params: SamplingParams = GREEDY,
    max_new_tokens: int = 200,
    seed: int = 0,
) -> tuple[str, int]:
    """What one of transformers' models answers, and how often it was called.

    As ``chat`` with a constraint, but the model is not asked for tokens that are forced: it reads
    them together with the next one that it is asked for.
    """
    unread, written, calls = read_talk(tokenizer, messages), [], 0
    plain = getattr(model, "get_base_model", lambda: model)()  # an adapter's model hides the names
    name = {"cache", "past_key_values"} & set(signature(plain.forward).parameters)
    cache = {min(name): DynamicCache(config=model.config)}
    state, generators = constraint.start(), row_generators(1, seed)
    while len(written) < max_new_tokens and state != ENDED:
        if not (new := constraint.forced(state)):
            ids = torch.tensor([unread], device=model.device)
            scores = model(input_ids=ids, logits_to_keep=1, **cache).logits[:, -1].float().cpu()
            unread, calls, seen = [], calls + 1, torch.tensor([written]).long()
            new = draw(scores, params, seen, generators, constraint)[0].tolist()
        for token in new:
            state = constraint.advance(state, token)
        unread, written = unread + new, written + new
    return tokenizer.decode(written, skip_special_tokens=True), calls


class Trie:
    """The common beginnings of the tokens, level by level: a level is one step of NumPy."""

    def __init__(self, words: dict[int, bytes]) -> None:
        self.words, self.levels = words, []
        self.sizes, self.ends = np.zeros((2, max(words) + 1), int)  # bytes, and the last node
        nodes: dict[tuple[int, int], int] = {}  # after which node, and what byte
        while words:
            level, start = len(self.levels), len(nodes)
            for token, word in words.items():
                way = (self.ends[token], word[level])
                self.ends[token] = nodes.setdefault(way, len(nodes) + 1)
                self.sizes[token] += 1
            self.levels.append((start + 1, *np.array(list(islice(nodes, start, None))).T))
            words = {token: word for token, word in words.items() if len(word) > level + 1}
        self.count = len(nodes) + 1

    def walk(self, table: np.ndarray, state: int) -> np.ndarray:
        """The state that each token leads to, 0 for those that leave the automaton."""
        states = np.zeros(self.count, np.int32)
        states[0] = state
        for start, above, byte in self.levels:
            before = states[above]
            alive = before.nonzero()[0]
            if not len(alive):
                break
            states[start + alive] = table[before[alive], byte[alive]]
        states[0] = 0  # what is no text leads nowhere
        return states[self.ends]


@lru_cache(4)
def _trie(tokenizer: Any, size: int) -> Trie:
    """The bytes of all tokens but the special ones, in GPT-2's way of writing them, or Llama's."""
    byte, special = {c: n for n, c in CHARACTER.items()}, tokenizer.added_tokens_decoder
    texts = {n: text for text, n in tokenizer.get_vocab().items() if text and n not in special}
    if set().union(*texts.values()) <= set(byte):
        return Trie({n: bytes(byte[c] for c in text) for n, text in texts.items()})
    words = {n: text.replace("▁", " ").encode() for n, text in texts.items()}
    single = {n: re.fullmatch("<0x(..)>", text) for n, text in texts.items()}
    return Trie(words | {n: bytes.fromhex(found[1]) for n, found in single.items() if found})
