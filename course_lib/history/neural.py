"""Small neural language models: a recurrent network, and a transformer of torch's own layers.

Those that read bytes can be compared with n-grams and file compressors; two that read words
continue a text (GPT) or fill in a gap (BERT). Notebook 03 writes the transformer's layers itself.

Sources: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder–Decoder" (the GRU);
Vaswani et al. 2017, "Attention Is All You Need"; Devlin et al. 2019, "BERT" (the mask that looks
both ways, with fill-in training).
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.workbook.evaluate import evaluate, get_batch, next_token_loss
from course_lib.workbook.training import TrainingConfig, train

HYPERPARAMETERS = {
    "GRU": {"block_size": 32, "batch_size": 24, "learning_rate": 8e-3},
    "transformer": {"block_size": 64, "batch_size": 16, "learning_rate": 3e-3},
}
"""What was found to learn fastest in a few seconds on two cores."""


def as_bytes(text: str) -> Tensor:
    """The UTF-8 bytes of a text as ids, ``(length,)`` int64."""
    return torch.tensor(bytearray(text.encode("utf-8", "replace")), dtype=torch.long)


def causal_mask(
    time: int, past: int | None = None, device: torch.device | str | None = None
) -> Tensor:
    """``(time, past)`` bool, True where a position (row) may look: at itself and to its left.

    past   all that may be looked at, the last ``time`` of it new; default: ``time``

    This is torch's mask for ``scaled_dot_product_attention``. ``nn.TransformerEncoder`` takes the
    opposite, ``~causal_mask(time)``.
    """
    past = time if past is None else past
    return torch.ones(time, past, dtype=torch.bool, device=device).tril(past - time)


class RecurrentModel(nn.Module):
    """A GRU language model: all it knows of the past is one vector, ``hidden_size`` numbers."""

    def __init__(self, vocab_size: int = 256, hidden_size: int = 192) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 64)
        self.gru = nn.GRU(64, hidden_size, batch_first=True)
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, input_ids: Tensor) -> Tensor:
        """``(batch, time)`` ids → ``(batch, time, vocab_size)`` logits for the token after each."""
        hidden_states, _ = self.gru(self.embedding(input_ids))
        return self.output(hidden_states)


class SmallTransformer(nn.Module):
    """A transformer of torch's ready-made parts: one layer with four heads.

    causal   True: every position sees itself and what is to its left, as in GPT.
             False: every position sees all of them, as in BERT.
    """

    def __init__(
        self, vocab_size: int = 256, causal: bool = True, d_model: int = 128, block_size: int = 64
    ) -> None:
        super().__init__()
        self.causal = causal
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.position = nn.Embedding(block_size, d_model)
        style = {"activation": "gelu", "batch_first": True, "norm_first": True, "dropout": 0.0}
        layer = nn.TransformerEncoderLayer(d_model, 4, 4 * d_model, **style)
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d_model)
        self.output = nn.Linear(d_model, vocab_size)
        for table in (self.embedding, self.position):  # torch's 1 would drown what is learned
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, input_ids: Tensor) -> Tensor:
        """``(batch, time)`` ids, at most ``block_size`` long → ``(batch, time, vocab_size)``."""
        time, device = input_ids.shape[1], input_ids.device
        mask = ~causal_mask(time, device=device) if self.causal else None
        embedded = self.embedding(input_ids) + self.position(torch.arange(time, device=device))
        return self.output(self.norm(self.layers(embedded, mask=mask, is_causal=self.causal)))


def new_model(kind: str, seed: int) -> nn.Module:
    """A freshly initialised ``GRU`` or ``transformer`` that reads bytes."""
    torch.manual_seed(seed)
    return RecurrentModel() if kind == "GRU" else SmallTransformer()


def train_on_bytes(
    kind: str, data: Tensor, held_out: Tensor, *, max_steps: int, eval_steps: int, seed: int = 0
) -> tuple[nn.Module, list[tuple[int, float]]]:
    """A new ``GRU`` or ``transformer``, trained to predict the next byte of ``data`` ``(length,)``.

    Returns it, and how good it was along the way: (bytes read so far, bits per byte of the
    ``held_out`` ones) every ``eval_steps``.
    """
    model, settings = new_model(kind, seed), HYPERPARAMETERS[kind]
    block_size, batch_size = settings["block_size"], settings["batch_size"]
    schedule = {"lr_scheduler_type": "linear", "eval_steps": eval_steps}
    history = train(
        model,
        lambda generator: get_batch(data, block_size + 1, batch_size, generator),
        next_token_loss,
        TrainingConfig(max_steps, settings["learning_rate"], seed=seed, **schedule),
        evaluate=lambda model: evaluate(model, held_out).bits_per_token,
        description=kind,
    )
    return model, [(step * batch_size * block_size, bits) for step, bits in history.evaluations]


@torch.no_grad()
def influence_by_distance(
    model: nn.Module, data: Tensor, distances: Sequence[int], num_samples: int = 128
) -> list[float]:
    """How much a token still matters when it is d tokens in the past, at most 64.

    The token at distance d is replaced by a random one; returned is the mean total variation
    distance between the predictions before and after: 0 nothing changes, 1 everything does.
    """
    generator = torch.Generator().manual_seed(0)
    input_ids = get_batch(data, 64, num_samples, generator)
    effects = []
    before = model(input_ids)[:, -1].softmax(-1)
    for distance in distances:
        changed = input_ids.clone()
        others = data[torch.randint(len(data), (num_samples,), generator=generator)]
        changed[:, 64 - distance] = others
        after = model(changed)[:, -1].softmax(-1)
        effects.append((before - after).abs().sum(-1).mean().item() / 2)
    return effects


@torch.no_grad()
def generate_bytes(model: nn.Module, prompt: str, max_new_tokens: int, seed: int = 0) -> str:
    """Continue ``prompt`` byte by byte, each drawn from the model's probabilities after 64 others.

    An empty prompt begins a new line.
    """
    generator = torch.Generator().manual_seed(seed)
    input_ids = as_bytes(prompt or "\n")[None]
    for _ in range(max_new_tokens):
        probs = model(input_ids[:, -64:])[0, -1].softmax(-1)
        drawn = torch.multinomial(probs, 1, generator=generator)
        input_ids = torch.cat([input_ids, drawn[None]], dim=1)
    written = bytes(input_ids[0].tolist())[0 if prompt else 1 :]
    return written.decode("utf-8", "replace")


# --- two ways of training one transformer: continue a text (GPT) or fill in a gap (BERT)

MASK, UNKNOWN = "[MASK]", "[UNK]"
WINDOW = 7  # words in a window; the masked one is in the middle
MIDDLE = WINDOW // 2


class WordTokenizer:
    """The most frequent words, numbered; all others are one ``[UNK]``."""

    def __init__(self, documents: Iterable[Sequence[str]], vocab_size: int = 1500) -> None:
        counts = Counter(word.lower() for document in documents for word in document)
        frequent = sorted(counts, key=lambda word: (-counts[word], word))
        self.words = [MASK, UNKNOWN, *frequent[: vocab_size - 2]]
        self.ids = {word: token_id for token_id, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> Tensor:
        """Words → ids, ``(length,)``."""
        return torch.tensor([self.ids.get(word.lower(), self.ids[UNKNOWN]) for word in words])


def masked_word_loss(model: nn.Module, input_ids: Tensor) -> Tensor:
    """Mean cross-entropy of the word in the middle of each window, which is masked.

    BERT masks words anywhere; masking the middle one of short windows teaches a tiny model the
    same thing in seconds instead of hours.
    """
    return cross_entropy(_middle_logits(model, input_ids), input_ids[:, MIDDLE])


def _middle_logits(model: SmallTransformer, windows: Tensor) -> Tensor:
    """For the middle word of ``(batch, WINDOW)``; a causal model sees the left side alone."""
    if model.causal:
        return model(windows[:, :MIDDLE])[:, -1]
    return model(windows.index_fill(1, torch.tensor(MIDDLE), 0))[:, MIDDLE]


def train_gpt_and_bert(
    data: Tensor, vocab_size: int, *, max_steps: int, seed: int = 0
) -> tuple[SmallTransformer, SmallTransformer]:
    """A model that continues and one that fills in: same size, same text, as many steps."""
    torch.manual_seed(seed)
    gpt = SmallTransformer(vocab_size, True, d_model=64, block_size=WINDOW)
    bert = SmallTransformer(vocab_size, False, d_model=64, block_size=WINDOW)
    config = TrainingConfig(max_steps, 4e-3, lr_scheduler_type="linear", seed=seed)
    for model, loss, batch_size in ((gpt, next_token_loss, 64), (bert, masked_word_loss, 192)):
        train(model, lambda g, n=batch_size: get_batch(data, WINDOW, n, g), loss, config)
    return gpt, bert


@torch.no_grad()
def fill_mask(
    model: SmallTransformer, tokenizer: WordTokenizer, words: Sequence[str], top_k: int = 5
) -> list[tuple[str, float]]:
    """What the model puts in the place of ``[MASK]``, with probabilities, likeliest first.

    A causal model sees only what is to its left. The special tokens are never answers.
    """
    place = list(words).index(MASK)
    input_ids = tokenizer.encode([*[UNKNOWN] * MIDDLE, *words, *[UNKNOWN] * MIDDLE])
    logits = _middle_logits(model, input_ids[None, place : place + WINDOW])[0]
    logits[:2] = -torch.inf
    best = logits.softmax(-1).topk(min(top_k, len(tokenizer) - 2))
    return [(tokenizer.words[n], round(float(prob), 3)) for prob, n in zip(*best, strict=True)]


@torch.no_grad()
def masked_word_accuracy(model: SmallTransformer, data: Tensor) -> float:
    """How often the likeliest word is right for words of unseen text; ``[UNK]`` is left out."""
    windows = data.unfold(0, WINDOW, 1)
    windows = windows[windows[:, MIDDLE] > 1][:4000]
    logits = _middle_logits(model, windows)
    logits[:, :2] = -torch.inf
    return (logits.argmax(-1) == windows[:, MIDDLE]).float().mean().item()
