"""The GPT on one page: it learns, it writes, and loops, NumPy and torch give the same scores."""

import json

import mini_gpt_in_one_page as page
import one_page
import pytest
import torch


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in dict(BLOCK_SIZE=16, D_MODEL=16, N_HEADS=2, N_LAYERS=2, MERGES=40).items():
        monkeypatch.setattr(page, name, value)


@pytest.mark.parametrize("seed", range(5))
def test_it_learns_the_songbook_and_writes(small: None, seed: int) -> None:
    text = "\n".join(path.read_text("utf-8") for path in sorted(page.SONGS.glob("*.txt"))[:20])
    tokenizer = page.Tokenizer(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(text)) < 0.8 * len(text.encode())
    torch.manual_seed(seed)
    model, data = page.GPT(), torch.tensor(tokenizer.encode(text))
    with torch.no_grad():
        before = page.loss_of(model, data, 64)
    page.train(model, data, 60)
    with torch.no_grad():
        after = page.loss_of(model, data, 64)
    assert abs(before - torch.tensor(256.0 + 40).log()) < 0.3 and after < before - 0.7
    assert len(page.write(model, [10], 20)) == 21


def test_too_little_text_gets_a_sentence(tmp_path) -> None:
    (tmp_path / "short.txt").write_text("The leeks want water.")
    with pytest.raises(SystemExit, match="21 characters in .txt files: 20,000 are needed"):
        page.main(str(tmp_path))


def test_three_ways_give_the_same_scores(small: None, tmp_path) -> None:
    one_page.main(["--tokens", "6", "--rounds", "1"], tmp_path / "result.json")
    record = json.loads((tmp_path / "result.json").read_text())
    assert record["largest difference of a score"] < 1e-4
    assert set(record["milliseconds"]) == {"loops", "NumPy", "torch"}
