"""Labels, judges, what models learn from each version of the text; what is handed on; terms."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_falcon import handbook
from transformers import PreTrainedTokenizerFast

from course_lib.cleaning import downstream
from course_lib.cleaning.classifier import KeepClassifier, PerplexityFilter
from course_lib.cleaning.data_card import QUESTIONS, data_card
from course_lib.cleaning.downstream import chain_of_models, ngram_train_fn, run_experiment
from course_lib.cleaning.duplicates import drop_repeated_lines, find_clusters
from course_lib.cleaning.figures import cluster_table
from course_lib.cleaning.formats import Chat, Instruction, Preference, heading_pairs, sort_out
from course_lib.cleaning.labels import LabelBook, ask, make_labelled_mix
from course_lib.cleaning.steps import RemovalLog, run_steps
from course_lib.cleaning.tokenizer_extension import choose_terms, extend, token_ids
from course_lib.transformer.bpe import END_OF_TEXT, BPETokenizer
from course_lib.workbook.corpus import Corpus, Document, Skipped, load_corpus
from course_lib.workbook.corpus.document import table_of
from course_lib.workbook.models import load_model


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [*load_corpus("handbook"), *load_corpus("songbook")]


@pytest.mark.parametrize("seed", range(3))
def test_each_judge_has_its_blind_spot(seed: int, documents: list[Document]) -> None:
    """Perplexity sees that words are out of order, words alone do not; lists fool perplexity."""
    mix = make_labelled_mix(documents, seed)
    first, test = mix[: len(mix) // 2], mix[len(mix) // 2 :]
    step = PerplexityFilter([one.document.text for one in first if one.keep]).step
    passed = {document.id for document in step([one.document for one in test], RemovalLog())}
    judge = KeepClassifier().fit([one.document.text for one in first], [o.keep for o in first])
    probs = judge.prob([one.document.text for one in test])

    def fraction(answers: list[bool], kind: str) -> float:
        return np.mean([a for a, one in zip(answers, test, strict=True) if one.kind == kind])

    answers = [one.document.id in passed for one in test]
    assert fraction(answers, "good") > 0.6
    assert fraction(answers, "word salad") < 0.2 and fraction(answers, "keywords") > 0.5
    answers = [prob >= 0.5 for prob in probs]
    assert fraction(answers, "good") > 0.9 and fraction(answers, "word salad") > 0.5
    assert fraction(answers, "numbers") == fraction(answers, "keywords") == 0


def test_labels_survive_and_belong_to_the_text(tmp_path) -> None:
    """Also those of a notebook that is open beside this one."""
    one, two = LabelBook("mine", tmp_path), LabelBook("mine", tmp_path)
    one.put("a", True)
    two.put("b", False)
    one.put("c", True)
    two.put("a", None)
    documents = [Document("x", text) for text in "abc"]
    assert two.of(documents) == LabelBook("mine", tmp_path).of(documents) == [None, False, True]


def test_buttons_note_labels(monkeypatch, tmp_path) -> None:
    shown: list = []
    monkeypatch.setenv("COURSE_HEADLESS", "")
    monkeypatch.setattr("IPython.display.display", shown.append)
    book = LabelBook("mine", tmp_path)
    documents = [Document("a", "<b>one</b> me@example.org"), Document("b", "two")]
    ask(documents, book)
    buttons, page = shown[1].children
    for value in (repr(shown[0]), page.value):
        assert "[e-mail]" in value and "me@example.org" not in value
    assert "&lt;b&gt;" in page.value
    for button in buttons.children[:2]:
        button.click()
    assert book.of(documents) == [True, False] and "All shown" in page.value


# --- What models learn from it ---

PATTERN = [1, 2, 3, 4, 5, 6] * 20
NOISE = [[(7 * n * n + 3 * k) % 40 for n in range(60)] for k in range(40)]
TARGETS = {"pattern": ([PATTERN[:60]], 60)}
SMALL = downstream.transformer_train_fn(3, d_model=24, n_layers=1, block_size=16, batch_size=8)


@pytest.mark.parametrize("train_fn", [ngram_train_fn(3), SMALL])
def test_text_like_the_target_wins(train_fn: object) -> None:
    versions = {"raw": [*NOISE, PATTERN], "clean": [PATTERN] * 20}
    results = run_experiment(versions, TARGETS, train_fn, 40, budget=900)
    assert len(results) == 6 and all(result.num_tokens == 900 for result in results)
    better = downstream.relative_improvement(results)
    assert list(better) == [("clean", "pattern")] and min(better["clean", "pattern"]) > 0


def toy_text(seed: int, documents: int = 120) -> list[list[str]]:
    """Words with a long tail: the n-th is drawn in proportion to 1 / n."""
    rng = random.Random(seed)
    weights = [1 / n for n in range(1, 2_000)]
    return [[f"w{n}" for n in rng.choices(range(1_999), weights, k=60)] for _ in range(documents)]


def test_words_die_out_and_real_text_keeps_them() -> None:
    setting = {"num_tokens": 1_200, "num_generations": 4, "order": 2, "seed": 0}
    texts = (toy_text(0), toy_text(50, 10))
    chains = {mode: chain_of_models(*texts, mode, **setting) for mode in downstream.MODES}
    own = [model.num_types for model in chains["replace"]]
    assert own == sorted(own, reverse=True) and own[-1] < 0.6 * own[0]
    last = {mode: models[-1] for mode, models in chains.items()}
    types = [last[mode].num_types for mode in ("a tenth real", "accumulate", "more real text")]
    assert own[-1] < types[0] < types[1] == own[0] < types[2]
    assert last["replace"].perplexity > chains["replace"][0].perplexity
    assert last["more real text"].perplexity < last["accumulate"].perplexity
    assert [model.num_tokens for model in chains["a tenth real"]] == [1_200] * 5
    assert [model.num_tokens for model in chains["accumulate"]] == [1_200 * n for n in range(1, 6)]


# --- What is shown and handed on: forms of training data, the data card, a table ---

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


# --- Terms as tokens of their own ---
def test_new_rows_are_the_mean_of_their_pieces_and_the_rest_stays(tiny: Path) -> None:
    model, tokenizer = load_model(tiny, dtype=torch.float32)
    terms = choose_terms(handbook(), tokenizer, 20, min_count=8)
    assert len(terms) == 20 and all(term.count >= 8 and term.num_pieces >= 3 for term in terms)
    assert [term.saved for term in terms] == sorted((term.saved for term in terms), reverse=True)
    names = [term.text for term in terms]
    longer, cutter = extend(model, tokenizer, names)
    assert len(tokenizer) == model.config.vocab_size  # what is given stays as it was
    old, new = model.get_input_embeddings().weight, longer.get_input_embeddings().weight
    assert new.shape[0] == len(cutter) == len(tokenizer) + len(names) == longer.config.vocab_size
    assert torch.equal(new[: len(tokenizer)], old) and longer.get_output_embeddings().weight is new
    for name in names:
        (row,), pieces = token_ids(cutter, name), token_ids(tokenizer, name)
        assert row >= len(tokenizer) and torch.allclose(new[row], old[pieces].mean(0))
    plain, _ = extend(model, tokenizer, names, from_pieces=False)
    same = plain.get_input_embeddings().weight[len(tokenizer) :]
    rows = new[len(tokenizer) :]
    assert rows.std(0).mean() > 10 * same.std(0).mean()  # transformers' rows are nearly one vector


@pytest.mark.parametrize(
    ("known", "term", "longer"),
    [("category", " categor", " category"), ("international", " inter", " international nation")],
)
def test_a_longer_word_stays_one(tiny: Path, tmp_path, known: str, term: str, longer: str) -> None:
    """`add_tokens` would find " inter" in " international" first."""
    texts = [f"the {known} of every {known} is a {known} " * 10, "one river bank"]
    BPETokenizer.train(texts, 320).save(tmp_path / "t.json")
    fast = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "t.json"), eos_token=END_OF_TEXT)
    _, new = extend(load_model(tiny, dtype=torch.float32)[0], fast, [term])
    assert len(fast.tokenize(f" {known}")) == 1 < len(fast.tokenize(term))
    assert new.tokenize(longer) == fast.tokenize(longer) and len(new.tokenize(term)) == 1
    terms = choose_terms([f"a{term}, a{longer} " * 20], fast, min_pieces=2)
    assert {found.text: found.count for found in terms}[term] == 20  # whole words only
