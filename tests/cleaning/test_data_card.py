"""The data card: counts that add up, one text for the same facts, nothing private, whole tables."""

from course_lib.cleaning.data_card import QUESTIONS, data_card
from course_lib.cleaning.duplicates import drop_exact, drop_near, drop_repeated_lines
from course_lib.cleaning.personal import mask_documents
from course_lib.cleaning.steps import run_steps
from course_lib.workbook.corpus import Corpus, Document, Skipped, load_corpus
from course_lib.workbook.corpus.document import table_of

STEPS = {"exact": drop_exact, "near": drop_near, "personal": mask_documents}


def test_counts_add_up_and_two_runs_give_the_same_card() -> None:
    corpus = load_corpus("songbook-messy")
    run = run_steps(corpus, STEPS)
    card = data_card(corpus, run)
    assert card == data_card(corpus, run_steps(corpus, STEPS))
    assert f"| came in | {len(corpus)} |" in card and f"| is left | {len(run.documents)} |" in card
    assert f"| CC-BY-4.0 | {len(run.documents)} |" in card and "defects" not in card
    for stage in run.stages[1:]:
        assert f"| {stage.name} | {stage.num_documents} |" in card


def card_of(documents: list[Document], **notes: str) -> str:
    skipped = [Skipped("x.pdf", "empty")]
    table = table_of(documents, ["train"] * len(documents))
    corpus = Corpus(table, name="mine", source="folder", skipped=skipped)
    return data_card(corpus, run_steps(documents, {"lines": drop_repeated_lines}), notes)


def test_the_hash_knows_texts_ids_and_order() -> None:
    one, two = Document("a", "x"), Document("b", "y")
    sets = [one, two], [two, one], [one], [Document("a", "xb"), two], [Document("a", "\ufffd")]
    assert len({card_of(list(documents)) for documents in sets}) == len(sets)


def test_the_page_is_whole_and_quotes_nothing_private() -> None:
    footer = "Write to ann@example.org | or `ring` +44 20 7946 0018"
    texts = {"a|1": f"one\n{footer}", "b\n2": f"two\n{footer}", "c": footer}
    text = card_of([Document(*pair) for pair in texts.items()], purpose="a test")
    assert "ann@" not in text and "7946" not in text and "[e-mail 1]" in text
    assert "- purpose: a test" in text and "- empty: 1" in text and "not stated" in text
    assert text.count("nobody has answered this yet") == len(QUESTIONS) - 1
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {3, 5, 6}
