"""The character tokenizer: nothing lost, unknown characters marked, files read back or refused."""

from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.transformer.characters import CharacterTokenizer
from course_lib.transformer.sampling import stream


def test_characters_one_by_one() -> None:
    tokenizer = CharacterTokenizer.train(["hello", "wörld 🌱"])
    assert (
        tokenizer.decode(tokenizer.encode("hold 🌱")) == "hold 🌱"
        and tokenizer.decode(tokenizer.encode("x")) == "�"
    )
    assert len(tokenizer) == len(set("hellowörld 🌱")) + 2 == len(tokenizer.pieces)
    assert tokenizer.decode([tokenizer.special["<|endoftext|>"]]) == ""


def test_a_special_token_is_never_read_from_text() -> None:
    tokenizer = CharacterTokenizer.train(["<|endoftext|>"])
    assert tokenizer.special["<|endoftext|>"] not in tokenizer.encode("<|endoftext|>")


def test_bytes_go_in_and_out_as_with_byte_pairs() -> None:
    tokenizer = CharacterTokenizer.train(["naïve 🌱"])
    numbers = tokenizer.encode_bytes("naïve 🌱".encode())
    assert tokenizer.decode_bytes(numbers) == "naïve 🌱".encode() and numbers == tokenizer.encode(
        "naïve 🌱"
    )
    assert "".join(stream(iter(numbers), tokenizer.decode_bytes)) == "naïve 🌱"
    assert tokenizer.decode(tokenizer.encode_bytes(b"na\xff")) == "na�"
    assert (
        tokenizer.decode(CharacterTokenizer.train(["a\ud800"]).encode("\ud800a")) != ""
    )  # half a character is no text


def test_saved_and_read_back(tmp_path: Path) -> None:
    tokenizer = CharacterTokenizer.train(["one two\n三"], special=("<|a|>", "<|b|>"))
    tokenizer.save(tmp_path / "characters.json")
    again = CharacterTokenizer.load(tmp_path / "characters.json")
    assert (
        again.encode("two三?") == tokenizer.encode("two三?") and again.special == tokenizer.special
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"special": [], "characters": ["ab", "�"]}',
        '{"special": [], "characters": ["a", "a", "�"]}',
        '{"special": [], "characters": ["a"]}',
        '{"special": [1], "characters": ["�"]}',
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "characters.json").write_text(content, encoding="utf-8")
    with pytest.raises(CourseError, match="tokenizer"):
        CharacterTokenizer.load(tmp_path / "characters.json")
