"""Personal data that has a form: e-mail, phone numbers, postal addresses, cards, keys and tokens.

``find_personal`` gives the places, ``mask_personal`` puts a typed placeholder at each that is the
same for the same value within a document ("[e-mail 1]"), so that the text still says who is who.
A pattern alone is a guess; each kind has a second test that turns most look-alikes away:

- a payment card has a first digit from 2 to 6 and the check digit of ISO/IEC 7812-1, annex B
  (the Luhn formula), which nine in ten chance numbers fail;
- a phone number has the 7 to 15 digits of ITU-T E.164, and is no year, page, ISBN or coordinate;
- a value that a key is set to has letters and digits, and does not say that it is an example.

Every repeat in the patterns has an upper bound, so that a long line is no trap. Names, and people
who are described without a name, have no form: these patterns miss them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from course_lib.cleaning.steps import RemovalLog
from course_lib.workbook.corpus import Document

SECRET, EMAIL, CARD, PHONE, ADDRESS = KINDS = ("secret", "e-mail", "card", "phone", "address")

_KEYS = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{1,8000}-----END [A-Z ]{0,30}PRIVATE KEY-----"
    r"|\bAKIA[0-9A-Z]{16}\b"  # Amazon Web Services
    r"|\bgh[opsur]_[A-Za-z0-9]{36,251}\b"  # GitHub
    r"|\bxox[abeprs]-[A-Za-z0-9-]{10,150}"  # Slack
    r"|\bAIza[A-Za-z0-9_-]{35}(?![\w-])"  # Google
    r"|\b[rs]k_live_[A-Za-z0-9]{20,150}\b"  # Stripe
    r"|\bhf_[A-Za-z]{34}\b"  # Hugging Face
    r"|\beyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,2000}"  # JSON Web Token
)
_ASSIGNED = re.compile(
    r"""[:=][ \t]{0,3}["']?(?P<value>[^\s"'<>(){}\[\],;:=]{8,200}={0,2})(?![\w(\[.])"""
)
_KEY_NAME = re.compile(
    r"(?i:(?:api|access|secret|private|auth)[_-]?(?:key|token)|secret|token|passwd|password)"
    r"[\"']?[ \t]{0,3}$"
)
_EXAMPLE = re.compile(
    r"(?i)your|example|dummy|sample|placeholder|changeme|redacted|x{4}|\*{3}|\.{3}|…|environ|getenv"
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_CARD = re.compile(
    r"(?<![\w.-])(?:[2-6]\d{12,18}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}"
    r"|3\d{3}([ -])\d{6}\2\d{4,5})(?![\w-]| \d{4}\b)"
)
_PHONE = re.compile(
    r"(?<![\w/+-])(?<!\d[.,])(?:"
    r"(?:\+|00)[1-9]\d{0,2}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ ./-]?\d{2,5}){1,5}"  # +44 20 …
    r"|(?<!\d )(?:\(0\d{1,4}\) ?\d{3,5}[ -]?\d{2,6}"  # (020) 7946 0018
    r"|\([1-9]\d{1,2}\) ?\d{3,5}[ -]\d{4})"  # (212) 555-0142, (11) 98765-4321
    r"|0\d{2,4}(?:[ /-]\d{3,5}[ -]\d{2,5}|[ /-]\d{6,8})"  # 020 7946 0018, 030/23125014
    r"|[2-9]\d\d([ .-])[2-9]\d\d\1\d{4}"  # 212-555-0142
    r")(?![\w/]|[.,:-]\d)"
)
_REFERENCE = re.compile(  # what stands before a number that is none
    r"(?i)\b(?:ISBN|ISSN|doi|arXiv|RFC|vol|version|pp|pages?|build)\W{0,2}(?:-?1[03]\W{1,2})?$"
)
_NUMBERS = re.compile(r"[+-]?\d+\.\d{3,}(?: [+-]?\d+\.\d{3,})*|\d{3} \d{3} (?:1[5-9]|20)\d\d")
_STREET = "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Way|Close|Court|Ct|Square|Terrace"
_STREET += "|Boulevard|Blvd|Crescent|Place"
_TOWN = r"[A-ZÄÖÜ][\w'’-]{1,30}(?: [A-ZÄÖÜ][\w'’-]{1,30}){0,2}"
_POSTCODE = r"(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]{2} \d{5}(?:-\d{4})?)"  # British, American
_ADDRESS = re.compile(
    r"(?<![\w.,-])\d{1,5}[A-Za-z]?,? (?:[A-Z][\w'’.-]{1,30} ){1,3}"
    rf"(?:{_STREET})\b(?:\.(?=,| [A-Z\d]))?"
    rf"(?:,[ \n]{_TOWN}(?:,? {_POSTCODE})|,? {_POSTCODE})?"
    r"|\b[A-ZÄÖÜ][\w-]{1,30}(?:straße|strasse|str\.|weg|platz|gasse|allee) \d{1,4}[a-z]?"
    rf"(?:,[ \n]\d{{5}} {_TOWN})?"
    r"|\bP\.?O\.? Box \d{1,6}\b"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text: ``text[start:end]``. ``key`` is the same however a value is written."""

    kind: str
    start: int
    end: int
    key: str


def passes_luhn(digits: str) -> bool:
    """True if the last of ``digits`` is the check digit of the others.

    >>> passes_luhn("79927398713")
    True
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _is_card(match: re.Match[str]) -> bool:
    digits = _digits(match[0])
    return len(set(digits)) > 1 and passes_luhn(digits)


def _is_phone(match: re.Match[str]) -> bool:
    """Digits as a phone has them. With a country's code they are at least 8, or 10 behind "00"."""
    digits, start = _digits(match[0]), match.start()
    pages = re.search(r"^\(.*?(\d{4})-(\d{4})$", match[0])
    if pages and 0 < int(pages[2]) - int(pages[1]) < 200:
        return False
    shortest = 8 if match[0].startswith("+") else 10 if match[0].startswith("00") else 7
    return (
        shortest <= len(digits) <= 15
        and len(set(digits)) > 2
        and not _NUMBERS.fullmatch(match[0])
        and not _REFERENCE.search(match.string[max(0, start - 16) : start])
    )


def _is_secret(match: re.Match[str]) -> bool:
    """A mixed value behind the name of a key: the search starts at the colon, which is faster."""
    value, start = match["value"], match.start()
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and len(set(value)) > 5
    named = mixed and _KEY_NAME.search(match.string[max(0, start - 30) : start])
    return bool(named and not _EXAMPLE.search(value))


def _lower(text: str) -> str:
    return " ".join(text.lower().split())


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, its second test, and the key of a value."""

    kind: str
    pattern: re.Pattern[str]
    accept: Callable[[re.Match[str]], bool] = bool
    key: Callable[[str], str] = _lower


RULES = (  # a place belongs to the first rule that takes it
    Rule(SECRET, _KEYS, key=str),
    Rule(EMAIL, _EMAIL),
    Rule(SECRET, _ASSIGNED, _is_secret, str),
    Rule(CARD, _CARD, _is_card, _digits),
    Rule(PHONE, _PHONE, _is_phone, _digits),
    Rule(ADDRESS, _ADDRESS),
)


def find_personal(text: str) -> list[Span]:
    """The places with personal data, in the order of the text; none overlaps another."""
    spans: list[Span] = []
    taken: set[int] = set()
    for rule in RULES:
        group = "value" if "value" in rule.pattern.groupindex else 0
        for match in rule.pattern.finditer(text):
            start, end = match.span(group)
            if rule.accept(match) and start not in taken and end - 1 not in taken:
                spans.append(Span(rule.kind, start, end, rule.key(match[group])))
                taken.update(range(start, end))
    return sorted(spans, key=lambda span: span.start)


def mask_personal(text: str) -> tuple[str, dict[str, int]]:
    """``text`` with placeholders, and how many places were replaced by kind."""
    counts: Counter[str] = Counter()
    ids: dict[str, dict[str, int]] = defaultdict(dict)
    parts, done = [], 0
    for span in find_personal(text):
        number = ids[span.kind].setdefault(span.key, len(ids[span.kind]) + 1)
        parts += [text[done : span.start], f"[{span.kind} {number}]"]
        counts[span.kind] += 1
        done = span.end
    return "".join([*parts, text[done:]]), dict(counts)


def mask_documents(documents: Iterable[Document], log: RemovalLog) -> Iterator[Document]:
    """All documents, masked. Reason ``personal-data``; evidence: places by kind, never a value."""
    for document in documents:
        text, counts = mask_personal(document.text)
        if counts:
            log.change(document, "personal", "personal-data", **counts)
            document = replace(document, text=text)
        yield document
