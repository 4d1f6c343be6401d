"""Byte-pair encoding against the `tokenizers` library: same merges, same ids, nothing lost."""

import json
import random
import tracemalloc

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from course_lib.errors import CourseError
from course_lib.transformer.bpe import END_OF_TEXT, BPETokenizer
from course_lib.workbook.corpus import load_corpus

ODD = ["", " ", "\n\n  x", "naïve café", "温室の土", "🌱👩\u200d👩\u200d👧 water", "אבג", "a\u0301"]
ODD += ["don't we'll", "\x00\x01", "  indented\n\tcode()  ", "1,234.5", f"a {END_OF_TEXT} b"]


@pytest.fixture(scope="module")
def corpora() -> dict[str, list[str]]:
    return {
        "handbook": list(load_corpus("handbook").texts()),
        "songbook": list(load_corpus("songbook").texts()),
        "odd": [*ODD, "aaaaaaaaaa " * 30, "abababab " * 20],
    }


def theirs(texts: list[str], size: int, minimum: int = 2) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=minimum,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def fast(tokenizer: BPETokenizer) -> PreTrainedTokenizerFast:
    stored = tokenizer.to_tokenizers()
    return PreTrainedTokenizerFast(tokenizer_object=stored, split_special_tokens=True)


@pytest.mark.parametrize("name", ["handbook", "songbook", "odd"])
@pytest.mark.parametrize("size", [300, 1_000, 5_000])
def test_merges_are_those_of_tokenizers_in_order(corpora: dict, name: str, size: int) -> None:
    ours = BPETokenizer.train(corpora[name], size)
    stored = json.loads(theirs(corpora[name], size).to_str())["model"]
    assert [[*map(ours.id_to_token, pair)] for pair in ours.merges] == stored["merges"]
    assert {ours.id_to_token(number): number for number in range(len(ours))} == stored["vocab"]


@pytest.mark.parametrize("name", ["handbook", "songbook", "odd"])
def test_ids_are_those_of_the_fast_tokenizer(corpora: dict, name: str) -> None:
    ours = BPETokenizer.train(corpora[name], 2_000)
    quick = fast(ours)
    for text in [*corpora[name], *ODD]:
        assert ours.encode(text) == quick(text)["input_ids"]


def random_text(rng: random.Random) -> str:
    """Any code points but surrogates, in runs of one script, with blanks between."""
    starts = [32, 97, 48, 0, 192, 0x300, 0x5D0, 0x3040, 0x4E00, 0xE000, 0x1F300, 0x10FF00]
    runs = [rng.choice(starts) for _ in range(rng.randint(0, 6))]
    starts = [start for start in runs for _ in range(rng.randint(1, 6))]
    return "".join(chr(start + rng.randint(0, 60)) for start in starts)


def test_ids_on_ten_thousand_random_strings_and_back(corpora: dict) -> None:
    ours = BPETokenizer.train(corpora["handbook"] + corpora["odd"], 1_500)
    quick, rng = fast(ours), random.Random(0)
    texts = [random_text(rng) for _ in range(10_000)]
    for text, ids in zip(texts, quick(texts)["input_ids"], strict=True):
        assert ours.encode(text) == ids
        assert ours.decode(ids) == text


def test_special_tokens_are_never_produced_from_text(corpora: dict) -> None:
    texts = [END_OF_TEXT * 50, *corpora["songbook"]]
    tokenizer = BPETokenizer.train(texts, 1_000, special_tokens=(END_OF_TEXT, "<|user|>"))
    assert tokenizer.special_tokens == {END_OF_TEXT: 0, "<|user|>": 1}
    for text in (END_OF_TEXT, "<|user|>" * 3, f"x{END_OF_TEXT}y"):
        assert min(tokenizer.encode(text)) >= 2 and tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode([0, 1]) == ""


LACKING = '{"model": {"vocab": {}, "merges": [["a", "b"]]}, "added_tokens": []}'


@pytest.mark.parametrize("content", ["", "{}", "[1]", LACKING, "swapped"])
def test_other_files_are_refused(content: str, tmp_path) -> None:
    stored = json.loads(BPETokenizer.train(["low lowest"] * 3, 260).to_tokenizers().to_str())
    vocabulary = stored["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    swapped = content == "swapped"
    (tmp_path / "t.json").write_text(json.dumps(stored) if swapped else content)
    said = "another kind" if swapped else "cannot be read as a tokenizer"
    with pytest.raises(CourseError, match=said):
        BPETokenizer.load(tmp_path / "t.json")


def test_a_vocabulary_stops_where_the_text_has_nothing_more() -> None:
    assert len(BPETokenizer.train(["ab ab"], 5_000, special_tokens=())) == 257
    assert len(BPETokenizer.train([], 5_000, special_tokens=())) == 256
    with pytest.raises(CourseError, match="too small"):
        BPETokenizer.train(["x"], 100)


@pytest.mark.parametrize("token_id", [-1, 262, 10**9])
def test_an_id_without_a_token_gets_a_sentence(token_id: int) -> None:
    tokenizer = BPETokenizer.train(["low lower lowest"] * 3, 262)
    for wrong in (tokenizer.decode, tokenizer.decode_bytes):
        with pytest.raises(CourseError, match=f"no token {token_id}: this tokenizer has 0 to 261"):
            wrong([5, token_id])
    with pytest.raises(CourseError, match="no token"):
        tokenizer.id_to_token(token_id)


def test_a_very_long_word_is_no_trap() -> None:
    tokenizer = BPETokenizer.train(["abc abcabc " * 50], 300)
    word = "abc" * 30_000
    tracemalloc.start()
    assert tokenizer.decode(tokenizer.encode(word)) == word
    assert tracemalloc.get_traced_memory()[1] < 120e6
    tracemalloc.stop()
