"""A small labelled test set for personal data, all of it invented, and precision and recall by kind.

Phone numbers come from ranges that are kept free for fiction (Ofcom's for Britain, 555-01xx in
North America), addresses name towns that do not exist, e-mail uses the reserved names of RFC 2606,
keys and cards are drawn at random, and no key stands in this file. Beside the true places
stand *look-alikes*: what a careless pattern takes for personal data. Some of both are harder than the
patterns of ``personal`` are good; the set is not there to flatter them.
"""

import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from course_lib.cleaning.personal import (
    ADDRESS,
    CARD,
    EMAIL,
    KINDS,
    PHONE,
    SECRET,
    Found,
    find_personal,
    passes_luhn,
)

FORENAMES = ("ann", "bilal", "chidi", "dora", "emre", "freya", "goran", "hana")
SURNAMES = ("okafor", "smith", "lindqvist", "tanaka", "novak", "o.brien", "silva", "meier")
STREETS = (
    "Harbour Lane",
    "Old Mill Road",
    "Quorn Street",
    "Station Avenue",
    "St Ives Close",
    "Thistle Way",
)
TOWNS = ("Little Wending", "Carrow", "Upper Hagg", "Tellowick")
SENTENCES = {
    EMAIL: (
        "Write to {} before Friday.",
        "Contact: {}",
        "<{}> wrote:",
        "The list is kept by {}, who is away.",
    ),
    PHONE: ("Ring {} after six.", "Tel. {}", "Her number ({}) is new.", "Fax {}, phone as before."),
    ADDRESS: ("She moved to {} in May.", "Deliver to {}.", "The flat at {} is let."),
    CARD: ("Paid with {} yesterday.", "Card {}, valid until 09/27.", "Number: {}"),
    SECRET: (
        "Log in with {} and no more.",
        "Somebody left {} in the notebook.",
        "It was {} until March.",
    ),
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, and the true places in it as (kind, start, end)."""

    text: str
    places: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Score:
    """The result for one kind: counts, and the texts that were taken wrongly or missed."""

    kind: str
    right: int
    wrong: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def precision(self) -> float:
        """Of what was found, the share that is true; nan when nothing was found."""
        found = self.right + len(self.wrong)
        return self.right / found if found else float("nan")

    @property
    def recall(self) -> float:
        """Of what is true, the share that was found; nan when nothing is true."""
        true = self.right + len(self.missed)
        return self.right / true if true else float("nan")


def labelled_set(seed: int = 0, rounds: int = 8) -> list[Labelled]:
    """``rounds`` texts with one true place of each way to write each kind, and as many texts of look-alikes."""
    rng = random.Random(seed)
    texts = []
    for _ in range(rounds):
        lines = [(kind, value) for kind, values in _true_values(rng).items() for value in values]
        rng.shuffle(lines)
        pieces, places, length = [], [], 0
        for kind, value in lines:
            before, after = rng.choice(SENTENCES[kind]).split("{}")
            places.append((kind, length + len(before), length + len(before) + len(value)))
            pieces.append(f"{before}{value}{after}\n")
            length += len(pieces[-1])
        texts.append(Labelled("".join(pieces), tuple(places)))
        texts.append(Labelled("".join(f"{line}\n" for line in _look_alikes(rng)), ()))
    return texts


def measure(
    labelled: Sequence[Labelled], find: Callable[[str], Sequence[Found]] = find_personal
) -> dict[str, Score]:
    """Precision and recall of ``find`` by kind. A place counts when kind, start and end all agree."""
    right = dict.fromkeys(KINDS, 0)
    wrong: dict[str, list[str]] = {kind: [] for kind in KINDS}
    missed: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for one in labelled:
        true, found = (
            set(one.places),
            {(place.kind, place.start, place.end) for place in find(one.text)},
        )
        for kind, _, _ in true & found:
            right[kind] += 1
        for places, table in ((found - true, wrong), (true - found, missed)):
            for kind, start, end in sorted(places, key=lambda place: place[1]):
                table[kind].append(one.text[start:end])
    return {
        kind: Score(kind, right[kind], tuple(wrong[kind]), tuple(missed[kind])) for kind in KINDS
    }


def _true_values(rng: random.Random) -> dict[str, list[str]]:
    forename, surname = rng.choice(FORENAMES), rng.choice(SURNAMES)
    line, house, town = rng.randrange(100, 1000), rng.randrange(1, 200), rng.choice(TOWNS)
    street, area = (
        rng.choice(STREETS),
        f"{_draw(rng, string.ascii_uppercase, 2)}{rng.randrange(1, 10)}",
    )
    return {
        EMAIL: [
            f"{forename}.{surname}@example.org",
            f"{forename}+news{line}@mail.example.com",
            f"{forename.title()}@Sub-{line}.example",
            f"{forename} (at) example (dot) org",
        ],
        PHONE: [
            f"+44 20 7946 0{line}",
            f"(020) 7946 0{line}",
            f"07700 900{line}",
            f"212-555-01{line % 100:02}",
            f"01632960{line}",
        ],
        ADDRESS: [
            f"{house} {street}, {town} {area} {rng.randrange(1, 10)}{_draw(rng, 'ABDEFGHJLN', 2)}",
            f"{house}a {street}",
            f"Lindenweg {house}, {rng.randrange(10000, 99999)} Beispielstadt",
            f"The Old Bakery, {town}",
        ],
        CARD: [_card(rng, "4", 16, " "), _card(rng, "5", 16, "-"), _card(rng, "3", 15, "")],
        SECRET: [
            "AKIA" + _draw(rng, string.ascii_uppercase + string.digits, 16),
            "ghp_" + _draw(rng, string.ascii_letters + string.digits, 36),
            _draw(rng, string.ascii_lowercase, 6)
            + "-"
            + _draw(rng, string.ascii_lowercase, 7),  # two plain words
        ],
    }


def _draw(rng: random.Random, letters: str, count: int) -> str:
    return "".join(rng.choices(letters, k=count))


def _card(rng: random.Random, first: str, length: int, mark: str) -> str:
    """An invented number with a right check digit."""
    stem = first + _draw(rng, string.digits, length - 2)
    digits = next(stem + last for last in string.digits if passes_luhn(stem + last))
    return mark.join(digits[place : place + 4] for place in range(0, length, 4))


def _look_alikes(rng: random.Random) -> list[str]:
    """Lines without personal data, of the kinds that technical text is full of."""
    number, year = rng.randrange(100, 1000), rng.randrange(1990, 2030)
    digest = _draw(rng, "0123456789abcdef", 40)
    return [
        f"Version 3.{number % 20}.{number} needs Python 3.11.{number % 9} or newer.",
        f"See section {number % 9 + 1}.{number % 7 + 1}.2.{number % 5 + 1}, pages {number}-{number + 40}.",
        f"Changed on {year}-11-05 and {number % 28 + 1}/03/{year}, at 12:30:{number % 60:02}.",
        f"ISBN 978-0-{number}-40615-7, and ISBN-10 0-{number}-40615-2.",
        f"commit {digest}",
        f"md5 = {digest[:32]}",
        f"The time stamp {rng.randrange(10**12, 2 * 10**12)} is in milliseconds.",
        f"Served at 192.168.{number % 256}.200 on port {8000 + number}.",
        f"C = A @ b.T + {number}.5e-10, and y@x.T is its mirror.",
        f"pip install thing@1.{number % 10}.2",
        "api_key = os.environ['THING_API_KEY']",
        "token: your-token-here-123",
        "password = getpass.getpass('who goes there?')",
        f"A row of numbers: {number} {number + 1} {number + 2} {number + 3} {number + 4}",
        f"pi is 3.14159265358979{number} here, and x = 4{_draw(rng, string.digits, 15)}.0",
        f"git clone git@host-{number}.example:group/project",  # not a person's address, and taken for one
        f"Order no. {_card(rng, '4', 16, '')} was sent.",  # the check digit fits, and it is no card
        f"Take the {number % 40 + 1} Old Town Way bus.",  # looks like a house, and is a line
        f"Part 0{number % 90 + 10} {number}-{number + 11} fits.",
    ]
