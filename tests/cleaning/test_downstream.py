"""The same learner on several versions of a text: fair budgets, paired seeds, both learners."""

import pytest

from course_lib.cleaning import downstream
from course_lib.cleaning.downstream import (
    Target,
    Trial,
    drawn,
    gains,
    neural_learner,
    ngram_learner,
    one_source,
    trials,
)
from course_lib.cleaning.figures_models import (
    gains_by_version,
    published_stages,
    what_you_will_build,
)
from course_lib.errors import CourseError
from course_lib.workbook.corpus import Document, load_corpus
from course_lib.workbook.corpus.document import Corpus, table_of

PATTERN = [1, 2, 3, 4, 5, 6] * 20
NOISE = [[(7 * n * n + 3 * k) % 40 for n in range(60)] for k in range(40)]
TARGETS = {"pattern": Target([PATTERN[:60]], 60)}


@pytest.mark.parametrize("seed", range(5))
def test_a_budget_is_exact_and_the_choice_depends_on_the_seed_alone(seed: int) -> None:
    documents = [[n] * (n + 1) for n in range(60)]
    part = drawn(documents, 100, seed)
    assert sum(map(len, part)) == 100 and all(part)
    assert part == drawn(documents, 100, seed) != drawn(documents, 100, seed + 1)
    assert sorted(map(len, drawn(documents, None, seed))) == list(range(1, 61))
    assert max(map(len, drawn([[1] * 5_000], None, seed))) == 512


@pytest.mark.parametrize(
    "learner", [ngram_learner(3), neural_learner(3, width=24, layers=1, context=16, batch=8)]
)
def test_text_like_the_target_wins(learner: object) -> None:
    versions = {"raw": [*NOISE, PATTERN], "clean": [PATTERN] * 20}
    found = trials(versions, TARGETS, learner, 40, budget=900)
    assert len(found) == 6 and all(trial.tokens == 900 for trial in found)
    (gain,) = gains(found)
    assert gain.version == "clean" and gain.low > 0 and gain.low <= gain.mean <= gain.high


def test_with_all_that_is_left_more_text_gives_more_and_the_same_text_is_learned_once() -> None:
    learned: list[int] = []

    def learner(documents: list, vocabulary: int, seed: int) -> object:
        learned.append(sum(map(len, documents)))
        return lambda target: float(learned[-1])

    versions = {"raw": NOISE, "same": [list(row) for row in NOISE], "half": NOISE[:20]}
    found = trials(versions, TARGETS, learner, 40, share=0.5, seeds=range(2))
    assert learned == [1_200, 1_200, 600, 600]  # "same" gives what "raw" gives
    assert [trial.tokens for trial in found] == [1_200] * 4 + [600] * 2
    assert all(gain.mean == 0 for gain in gains(found) if gain.version == "same")


def test_a_network_takes_steps_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    monkeypatch.setattr(downstream, "train", lambda *given, **_: steps.append(given[3].max_steps))
    for size in (5, 640, 1_280):
        neural_learner(0.5, width=24, context=16, batch=8)([[1] * size], 40, 0)
    assert steps == [1, 2, 5]


def test_gains_are_paired_by_seed() -> None:
    found = [Trial("raw", "t", s, 9, bits) for s, bits in ((0, 2.0), (1, 4.0))]
    found += [Trial("new", "t", s, 9, bits) for s, bits in ((0, 1.0), (1, 3.0))]
    (gain,) = gains(found)
    assert (gain.low, gain.mean, gain.high) == (25, 37.5, 50)
    with pytest.raises(CourseError, match="nothing to compare"):
        gains(found[2:])


@pytest.mark.parametrize("budget", [0, 10_000])
def test_a_budget_that_a_version_cannot_give_is_refused(budget: int) -> None:
    with pytest.raises(CourseError, match="smallest version has 120 tokens"):
        trials({"raw": [PATTERN], "more": NOISE}, TARGETS, ngram_learner(2), 40, budget=budget)


def test_one_source_is_the_largest() -> None:
    documents = [
        Document(f"d{n}", "a few words " * 5, {"origin": "ab"[n % 3 == 0]}) for n in range(30)
    ]
    corpus = Corpus(table_of(documents, ["train"] * 30), name="x", source="x")
    assert {document.meta["origin"] for document in one_source(corpus, 10**6)} == {"a"}
    assert one_source(corpus, 200).bytes <= 200
    assert len(one_source(load_corpus("handbook"), 10**9)) == len(load_corpus("handbook"))


def test_the_pictures_say_what_they_show() -> None:
    found = [
        Trial(v, t, s, 9, b + s)
        for v, b in (("raw", 2.0), ("new", 1.0))
        for t in "ab"
        for s in (0, 1)
    ]
    shown = gains_by_version(
        {"equal budget": gains(found), "all that is left": gains(found)}, "Title"
    )
    assert "+41.7 % (new)" in shown.sentence and shown.png()
    assert "56.2" in published_stages().sentence and what_you_will_build().png()
