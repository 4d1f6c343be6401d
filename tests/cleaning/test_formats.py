"""What is shown and handed on: forms of training data, the data card, figures."""

import pytest

from course_lib.cleaning.data_card import QUESTIONS, data_card
from course_lib.cleaning.duplicates import drop_repeated_lines, find_clusters
from course_lib.cleaning.figures import cluster_table
from course_lib.cleaning.formats import Chat, Instruction, Preference, heading_pairs, sort_out
from course_lib.cleaning.steps import run_steps
from course_lib.workbook.corpus import Corpus, Document, Skipped, load_corpus
from course_lib.workbook.corpus.document import table_of

USER, ANSWER = {"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}
SYSTEM = {"role": "system", "content": "Be brief."}
GOOD = [
    Instruction("Where is 日本?", "In Asia.\nEast."),
    Chat((SYSTEM, USER, ANSWER)),
    Preference("Hello?", "Yes.", "No."),
]


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        (Instruction("a\x00", "b"), "NUL"),
        (Instruction("a", "\ud800"), "surrogate"),
        (Instruction("a", " \n"), "completion is empty"),
        (Preference("a", "b", "b"), "chosen and rejected are the same"),
        (Chat((ANSWER, USER)), "take turns"),
        (Chat((USER,)), "not the assistant's"),
        (Chat((USER, SYSTEM, ANSWER)), "stands first"),
        (Chat(({"role": "user"}, ANSWER)), "turn 1 needs"),
        (Chat((USER, {**ANSWER, "content": " "})), "turn 2 is empty"),
    ],
)
def test_broken_examples_are_told_apart(example: object, problem: str) -> None:
    valid, [(number, said)] = sort_out([*GOOD, example])
    assert valid == GOOD and number == len(GOOD) and problem in said


def test_questions_from_headings() -> None:
    text = "# Travel\nAsk first.\n\n## Who books?\nYou do.\n```\n# no heading\n```\n\n"
    text += "## Hotels\nUp to 90.\n## Empty\n"
    pages = [Document("a", text), Document("c", "no heading")]
    pages.append(Document("b", "# Old\nWrong.", {"status": "outdated"}))
    assert list(heading_pairs(pages)) == [
        Instruction("What does “Travel” say?", "Ask first."),
        Instruction("Who books?", "You do.\n```\n# no heading\n```"),
        Instruction("What does “Travel” say about “Hotels”?", "Up to 90."),
    ]
    real = list(heading_pairs(load_corpus("handbook")))
    assert len(real) > 60 and not sort_out(real)[1]


def test_the_page_is_whole_quotes_nothing_private_and_its_hash_knows_the_order() -> None:
    footer = "Write to ann@example.org | or `ring` +44 20 7946 0018"
    texts = {"a|1": f"one\n{footer}", "b\n2": f"two\n{footer}", "c": footer}

    def card_of(documents: list[Document]) -> str:
        table = table_of(documents, ["train"] * len(documents))
        corpus = Corpus(table, name="mine", source="folder", skipped=[Skipped("x.pdf", "empty")])
        run = run_steps(documents, {"lines": drop_repeated_lines})
        card = data_card(corpus, run, {"purpose": "a test"})
        assert f"| is left | {len(run.documents)} |" in card
        return card

    documents = [Document(*pair) for pair in texts.items()]
    text = card_of(documents)
    assert "ann@" not in text and "7946" not in text and "[e-mail 1]" in text
    assert "- purpose: a test" in text and "- empty: 1" in text and "not stated" in text
    assert text.count("nobody has answered this yet") == len(QUESTIONS) - 1
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {3, 5, 6}
    one, two, other = Document("a", "x"), Document("b", "y"), Document("a", "z")
    assert len({card_of(some) for some in ([one, two], [two, one], [other, two])}) == 3


def test_the_table_of_a_cluster_marks_differences_and_quotes_nothing_private() -> None:
    base = " ".join(["ann@example.org", *(f"w{number}" for number in range(60))])
    documents = [Document("d1", base), Document("d2", base.replace("w50", "late"))]
    found = find_clusters([document.text for document in documents])
    table = repr(cluster_table(documents, found, 0))
    assert "[late]" in table and "d1" in table and "ann@" not in table
    assert "no near duplicates" in repr(cluster_table(documents[:1], find_clusters(["one"]), 0))
