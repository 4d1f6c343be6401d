"""A GPT on one page: text, tokens, model, training, writing. It needs torch and nothing else.

    python assets/models/mini_gpt_in_one_page.py                      # the course's songbook
    python assets/models/mini_gpt_in_one_page.py FOLDER 2000 "The river"

What `course_lib.transformer` adds is care and speed; `benchmarks/one_page.py` shows the bill.
"""

import re
import sys
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCK_SIZE, D_MODEL, N_HEADS, N_LAYERS, MERGES = 128, 128, 4, 4, 256
SONGS = Path(__file__).parents[1] / "corpora" / "songbook"


def merge(ids: tuple[int, ...], pair: tuple[int, int], new: int) -> tuple[int, ...]:
    """Every ``pair`` of neighbours becomes the token ``new``."""
    out: list[int] = []
    for token in ids:
        out[-1:] = [new] if [*out[-1:], token] == [*pair] else [*out[-1:], token]
    return tuple(out)


class Tokenizer:
    """Words are rows of bytes; the pair of tokens that occurs most often becomes one, 256 times."""

    def __init__(self, text: str) -> None:
        words = Counter(tuple(word.encode()) for word in self.cut(text))
        self.pieces, self.merges = [bytes([n]) for n in range(256)], []
        for new in range(256, 256 + MERGES):
            pairs: Counter = Counter()
            for ids, count in words.items():
                for pair in pairwise(ids):
                    pairs[pair] += count
            if pairs:
                self.merges.append(best := max(pairs, key=pairs.get))
                self.pieces.append(self.pieces[best[0]] + self.pieces[best[1]])
                words = Counter({merge(ids, best, new): n for ids, n in words.items()})
        self.tokens = lru_cache(100_000)(self.tokens)

    def cut(self, text: str) -> list[str]:
        return re.findall(r" ?\w+| ?[^\w\s]+|\s", text)

    def tokens(self, word: str) -> tuple[int, ...]:
        ids = tuple(word.encode())
        for new, pair in enumerate(self.merges, 256):
            ids = merge(ids, pair, new)
        return ids

    def encode(self, text: str) -> list[int]:
        return [token for word in self.cut(text) for token in self.tokens(word)]

    def decode(self, ids: list[int]) -> str:
        return b"".join(self.pieces[token] for token in ids).decode(errors="replace")


class Block(nn.Module):
    """Adds to the stream what attention finds in earlier tokens, then what an MLP makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(D_MODEL), nn.LayerNorm(D_MODEL)
        self.qkv, self.out = nn.Linear(D_MODEL, 3 * D_MODEL), nn.Linear(D_MODEL, D_MODEL)
        self.up, self.down = nn.Linear(D_MODEL, 4 * D_MODEL), nn.Linear(4 * D_MODEL, D_MODEL)

    def attention(self, x: Tensor) -> Tensor:
        batch, time, _ = x.shape
        query, key, value = self.qkv(x).view(batch, time, 3, N_HEADS, -1).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / key.shape[-1] ** 0.5
        future = torch.ones(time, time, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, float("-inf")).softmax(-1)
        return self.out((weights @ value).transpose(1, 2).reshape(batch, time, D_MODEL))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.ln_1(x))
        return x + self.down(F.gelu(self.up(self.ln_2(x))))


class GPT(nn.Module):
    """Token numbers (batch, time) to a score for every next token (batch, time, vocab_size)."""

    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(256 + MERGES, D_MODEL), nn.Embedding(BLOCK_SIZE, D_MODEL)
        self.blocks = nn.Sequential(*(Block() for _ in range(N_LAYERS)))
        self.ln_f = nn.LayerNorm(D_MODEL)
        nn.init.normal_(self.wte.weight, std=0.02)  # a fresh model finds all tokens as likely
        nn.init.normal_(self.wpe.weight, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        return self.ln_f(self.blocks(x)) @ self.wte.weight.T


def loss_of(model: GPT, data: Tensor, batch: int) -> Tensor:
    """Nats a token: how surprised the model is by the next token, at random places of the data."""
    rows = data[torch.randint(len(data) - BLOCK_SIZE, (batch, 1)) + torch.arange(BLOCK_SIZE + 1)]
    return F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


def train(model: GPT, data: Tensor, steps: int) -> None:
    """Follow the gradient of that surprise; a tenth of the text is kept to judge by."""
    learned, held_out = data[: -len(data) // 10], data[-len(data) // 10 :]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps)
    for step in range(1, steps + 1):
        loss = loss_of(model, learned, 16)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        if step in (1, steps) or step % 100 == 0:
            with torch.no_grad():
                print(f"step {step}: loss {loss:.2f}, held out {loss_of(model, held_out, 32):.2f}")


@torch.no_grad()
def write(model: GPT, ids: list[int], count: int) -> list[int]:
    """Draw one of the forty likeliest tokens, append it, read everything again."""
    for _ in range(count):
        scores, tokens = model(torch.tensor([ids[-BLOCK_SIZE:]]))[0, -1].topk(40)
        ids = [*ids, int(tokens[torch.multinomial((scores / 0.8).softmax(-1), 1)])]
    return ids


def main(path: str = str(SONGS), steps: str = "600", prompt: str = "\n") -> None:
    files = [Path(path)] if Path(path).is_file() else sorted(Path(path).rglob("*.txt"))
    text = "\n\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
    if len(text) < 20_000:
        sys.exit(f"{path} holds {len(text):,} characters in .txt files: 20,000 are needed.")
    torch.manual_seed(0)
    tokenizer, model = Tokenizer(text[:2_000_000]), GPT()
    data = torch.tensor(tokenizer.encode(text))
    weights = sum(weight.numel() for weight in model.parameters())
    print(f"{len(text):,} characters, {len(data):,} tokens, {weights:,} weights")
    train(model, data, int(steps))
    print(tokenizer.decode(write(model, tokenizer.encode(prompt), 150)))


if __name__ == "__main__":
    main(*sys.argv[1:])
