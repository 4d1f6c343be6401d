"""The shipped texts keep what the README promises of them."""

import re
from collections import defaultdict

from course_lib.workbook.corpus.builtin import handbook, handbook_conflicts, songbook
from course_lib.workbook.corpus.minhash import words

RESERVED_DOMAINS = re.compile(r"(^|\.)(example|invalid|test)$|(^|\.)example\.(com|org|net)$")
RESERVED_PHONES = re.compile(
    r"01632 ?960 ?\d{3}|020 ?7946 ?0\d{3}|07700 ?900 ?\d{3}|\+?1?[ -]?\(?202\)?[ -]555[ -]01\d\d"
    r"|\+44 ?(1632 ?960|20 ?7946 ?0|7700 ?900) ?\d{3}"
)


def five_grams(text: str) -> set[tuple[str, ...]]:
    own = words(text)
    return {tuple(own[i : i + 5]) for i in range(len(own) - 4)}


def test_at_least_120_songs_each_with_verse_chorus_and_bridge() -> None:
    songs = songbook()
    assert len(songs) >= 120
    assert len({song.meta["title"] for song in songs}) == len(songs)
    for song in songs:
        for label in ("[Verse 1]", "[Chorus]", "[Bridge]"):
            assert label in song.text, f"{song.id} has no {label}"
        assert 150 <= len(song.text.split()) <= 320, song.id
        assert all(song.meta[key] for key in ("title", "subject", "mood", "form"))
    assert len({song.meta["mood"] for song in songs}) >= 20
    about_models = re.compile(
        "model|predict|gradient|token|assistant|training|prompt|context window|sampling"
    )
    assert sum(bool(about_models.search(str(song.meta["subject"]))) for song in songs) >= 8


def test_no_two_songs_share_more_than_5_percent_of_their_5_grams() -> None:
    grams = [five_grams(song.text) for song in songbook()]
    where = defaultdict(set)
    for number, own in enumerate(grams):
        for gram in own:
            where[gram].add(number)
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for numbers in where.values():
        for first in numbers:
            for second in numbers:
                if first < second:
                    shared[first, second] += 1
    worst = max((n / min(len(grams[a]), len(grams[b])) for (a, b), n in shared.items()), default=0)
    assert worst <= 0.05


def test_at_least_60_pages_with_tables_links_and_facts() -> None:
    pages = handbook()
    assert len(pages) >= 60
    assert sum("\n|" in page.text for page in pages) >= 15
    names = {page.id for page in pages}
    for page in pages:
        assert page.text.startswith("# ")
        assert page.meta["status"] in ("current", "outdated", "draft")
        folder = page.id.split("/")[0]
        for link in re.findall(r"\]\(([^)#:]+\.md)", page.text):
            target = f"{folder}/{link}" if "/" not in link else link.replace("../", "")
            assert target.removesuffix(".md").replace("./", "") in names, (
                f"{page.id} links to {link}"
            )
    assert sum(page.meta["status"] == "outdated" for page in pages) >= 2


def test_contradictions_are_recorded_and_real() -> None:
    conflicts = handbook_conflicts()
    texts = {page.id: page.text for page in handbook()}
    assert len(conflicts) >= 8
    for conflict in conflicts:
        assert len(conflict["pages"]) >= 2, conflict["topic"]
        for page in conflict["pages"]:
            assert page.removesuffix(".md") in texts, conflict["topic"]


def test_personal_data_is_invented() -> None:
    for page in handbook():
        for domain in re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)*\.?\w)", page.text):
            assert RESERVED_DOMAINS.search(domain), f"{page.id}: {domain}"
        rest = RESERVED_PHONES.sub("", page.text)
        assert not re.search(r"(?<![\w.-])(?:\+44|0)\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}", rest), page.id
