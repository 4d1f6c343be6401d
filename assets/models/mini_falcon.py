"""mini-falcon on two screens: load it, and let it write. Needs torch and safetensors, nothing else.

    python assets/models/mini_falcon.py "Return the sum of"
    python assets/models/mini_falcon.py --temperature 0 --tokens 60 "Open a file and"

`course_lib.transformer` builds the same step by step; a test holds both to the same logits.
"""

import argparse
import json
import math
import re
import sys
import unicodedata
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import embedding, gelu, layer_norm

FOLDER = Path(__file__).parent / "mini-falcon"

# --- tokens: text is cut into words, words into bytes, bytes merged to pieces -------------------

SPACE = " \t-\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
FRACTIONS = "".join(chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in ("Nl", "No"))
LETTER, NUMBER = rf"[^\W\d_{FRACTIONS}]", rf"[\d{FRACTIONS}]"
WORD = re.compile(
    rf"'(?:[sdmt]|ll|ve|re)| ?{LETTER}+| ?{NUMBER}+| ?(?:_|[^\w{SPACE}])+"
    rf"|[{SPACE}]+(?![^{SPACE}])|[{SPACE}]+"
)


def bytes_to_unicode() -> list[str]:
    """The visible character that stands for each byte in the tokenizer's file."""
    visible = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = iter(range(256, 512))
    return [chr(byte) if byte in visible else chr(next(hidden)) for byte in range(256)]


class Tokenizer:
    """Reads ``tokenizer.json``; text to ids and back."""

    def __init__(self, path: Path) -> None:
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        self.vocab = model["vocab"]
        self.rank = {tuple(pair): rank for rank, pair in enumerate(model["merges"])}
        self.character = bytes_to_unicode()
        byte = {character: value for value, character in enumerate(self.character)}
        self.token_bytes = {
            n: bytes(byte[c] for c in name)
            for name, n in self.vocab.items()
            if not name.startswith("<|")
        }

    def encode(self, text: str) -> list[int]:
        ids = []
        for word in WORD.findall(text):
            pieces = [self.character[byte] for byte in word.encode()]
            while len(pieces) > 1:
                rank, place = min(
                    (self.rank.get(pair, math.inf), n) for n, pair in enumerate(pairwise(pieces))
                )
                if rank == math.inf:
                    break
                pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
            ids += [self.vocab[piece] for piece in pieces]
        return ids

    def decode(self, ids: list[int]) -> str:
        return b"".join(self.token_bytes.get(n, b"") for n in ids).decode("utf-8", "replace")


# --- the model: each layer adds attention and an MLP to the same stream --------------------------


class MiniFalcon:
    """Weights as they lie in the file, and the arithmetic that makes a language model of them."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.n_layers, self.n_heads = config["num_hidden_layers"], config["num_attention_heads"]
        self.epsilon, self.block_size = (
            config["layer_norm_epsilon"],
            config["max_position_embeddings"],
        )
        weights = load_file(folder / "model.safetensors")
        self.weights = {
            name.removeprefix("transformer."): weight.float() for name, weight in weights.items()
        }

    def norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return layer_norm(x, weight.shape, weight, bias, self.epsilon)

    def apply_rotary_emb(self, x: Tensor, first: int) -> Tensor:
        """Rotary positions: pairs of numbers turned by an angle that grows with the position."""
        half = x.shape[-1] // 2
        angle = torch.arange(first, first + x.shape[-2])[:, None] * 10_000.0 ** (
            -torch.arange(half) / half
        )
        left, right = x[..., :half], x[..., half:]
        return torch.cat(
            [left * angle.cos() - right * angle.sin(), right * angle.cos() + left * angle.sin()], -1
        )

    def attention(self, x: Tensor, layer: int, cache: dict) -> Tensor:
        """Many queries, one key and one value for all heads. ``x`` (time, width)."""
        time, width = x.shape
        head_dim = width // self.n_heads
        fused = (x @ self.weights[f"h.{layer}.self_attention.query_key_value.weight"].T).view(
            time, -1, head_dim
        )
        past_key, past_value = cache.get(layer, (fused[:0, 0], fused[:0, 0]))
        query = self.apply_rotary_emb(
            fused[:, :-2].transpose(0, 1), len(past_key)
        )  # (n_heads, time, head_dim)
        key = torch.cat([past_key, self.apply_rotary_emb(fused[:, -2], len(past_key))])
        value = torch.cat([past_value, fused[:, -1]])
        cache[layer] = key, value
        scores = query @ key.T / math.sqrt(head_dim)
        future = torch.ones(time, len(key), dtype=torch.bool).triu(len(key) - time + 1)
        mixed = scores.masked_fill(future, -math.inf).softmax(-1) @ value
        return (
            mixed.transpose(0, 1).reshape(time, width)
            @ self.weights[f"h.{layer}.self_attention.dense.weight"].T
        )

    def mlp(self, x: Tensor, layer: int) -> Tensor:
        up, down = (
            self.weights[f"h.{layer}.mlp.{name}.weight"]
            for name in ("dense_h_to_4h", "dense_4h_to_h")
        )
        return gelu(x @ up.T) @ down.T

    def logits(self, ids: list[int], cache: dict) -> Tensor:
        """A score for every token after each, (time, vocab_size). ``cache`` keeps what was read."""
        x = embedding(torch.tensor(ids), self.weights["word_embeddings.weight"])
        for layer in range(self.n_layers):
            normed = self.norm(x, f"h.{layer}.input_layernorm")
            x = x + self.attention(normed, layer, cache) + self.mlp(normed, layer)
        return self.norm(x, "ln_f") @ self.weights["word_embeddings.weight"].T

    @torch.no_grad()
    def generate(self, ids: list[int], max_new_tokens: int, temperature=0.8, top_p=0.95):  # noqa: ANN001, ANN201
        """Yield one token after the other."""
        cache: dict = {}
        for _ in range(min(max_new_tokens, self.block_size - len(ids))):
            scores = self.logits(ids, cache)[-1]
            if temperature == 0:
                token_id = int(scores.argmax())
            else:
                probs, order = (scores / temperature).softmax(-1).sort(descending=True)
                probs[probs.cumsum(0) - probs > top_p] = 0
                token_id = int(order[torch.multinomial(probs, 1)])
            if token_id == 0:  # the end-of-text token
                return
            yield token_id
            ids = [token_id]


def main() -> None:
    parser = argparse.ArgumentParser(description="Let mini-falcon go on from a text.")
    parser.add_argument("text")
    parser.add_argument("--tokens", type=int, default=150)
    parser.add_argument("--temperature", type=float, default=0.8)
    asked = parser.parse_args()
    if not (FOLDER / "model.safetensors").is_file():
        sys.exit(
            f"{FOLDER} has no model.safetensors: this checkout is not whole, "
            "clone the repository again."
        )
    try:
        tokenizer, model = Tokenizer(FOLDER / "tokenizer.json"), MiniFalcon(FOLDER)
        model.logits([0], {})
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        sys.exit(
            f"The files in {FOLDER} are damaged or do not belong together ({error}): "
            "clone the repository again."
        )
    ids = tokenizer.encode(asked.text)[-model.block_size // 2 :] or [0]
    written = list(model.generate(ids, asked.tokens, asked.temperature))
    print(asked.text + tokenizer.decode(written))


if __name__ == "__main__":
    main()
