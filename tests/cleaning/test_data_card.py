"""The data card: counts that add up, the same bytes for the same facts, nothing private, no broken table."""

import json
from functools import partial
from pathlib import Path

from course_lib.cleaning.data_card import QUESTIONS, describe, holdings, make_card
from course_lib.cleaning.duplicates import drop_exact, drop_near, drop_repeated_lines
from course_lib.cleaning.personal import mask_documents
from course_lib.cleaning.steps import RemovalLog, run_steps
from course_lib.workbook.corpus import Corpus, Document, Skipped, load_corpus
from course_lib.workbook.corpus.document import table_of

STEPS = {
    "exact": drop_exact,
    "lines": drop_repeated_lines,
    "near": partial(drop_near, seed=3),
    "personal": mask_documents,
}


def test_counts_add_up_and_two_runs_give_the_same_card() -> None:
    corpus = load_corpus("songbook-messy")
    run = run_steps(corpus, STEPS)
    card = make_card(corpus, STEPS, run, seeds={"sample": 0})
    facts = json.loads(card.to_json())
    left = facts["came_in"]["documents"]
    assert left == len(corpus)
    for step in facts["steps"]:
        left -= sum(step["dropped"].values())
        assert step["documents"] == left
    assert facts["left"]["documents"] == left == len(run.documents)
    assert sum(facts["left"]["licences"].values()) == left
    assert facts["seeds"] == {"sample": 0, "step 'near'": 3}
    assert "defects" not in facts["origin"]
    assert (
        make_card(corpus, STEPS, run_steps(corpus, STEPS), seeds={"sample": 0}).to_json()
        == card.to_json()
    )


def test_the_digest_knows_texts_ids_and_order() -> None:
    one, two = Document("a", "x"), Document("b", "y")
    others = [two, one], [one], [Document("a", "xb"), two], [], [Document("a", "\ud800")]
    digests = [holdings(documents).digest for documents in ([one, two], *others)]
    assert len(set(digests)) == len(digests)
    assert holdings(iter([one, two])).digest == digests[0]


def test_the_page_is_whole_and_quotes_nothing_private(tmp_path: Path) -> None:
    footer = "Write to ann@example.org | or `ring` +44 20 7946 0018"
    documents = [
        Document("a|1", f"one\n{footer}"),
        Document("b\n2", f"two\n{footer}"),
        Document("c", footer),
    ]
    corpus = Corpus(
        table_of(documents, ["train"] * 3),
        name="mine",
        source="folder",
        skipped=[Skipped("x.pdf", "empty")],
    )
    steps = {"lines": drop_repeated_lines}
    card = make_card(corpus, steps, run_steps(corpus, steps), notes={"purpose": "a test"})
    page, data = card.write(tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert json.loads(data.read_text(encoding="utf-8"))["skipped"] == {"empty": 1}
    assert "ann@" not in text + data.read_text(encoding="utf-8") and "7946" not in text
    assert "[e-mail 1]" in text and "- purpose: a test" in text and "not stated" in text
    assert text.count("nobody has answered this yet") == len(QUESTIONS) - 1
    widths = [
        line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| ")
    ]
    assert set(widths) == {5, 3, 8}


def test_a_step_is_described_with_what_it_ran_with() -> None:
    what, arguments = describe(partial(drop_near, bands=20, rows=5))
    assert what == "The first member of each cluster of near duplicates"
    assert arguments["bands"] == "20" and arguments["rows"] == "5" and arguments["seed"] == "1"

    def bare(documents, log: RemovalLog):  # noqa: ANN001, ANN202
        return documents

    assert describe(bare) == ("no description", {})
