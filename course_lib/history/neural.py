"""Two small neural language models: a recurrent network and a transformer of ready-made layers.

Both read and predict token ids (bytes, in notebook 01), so their scores can be compared with
those of n-grams and of file compressors. Notebook 03 writes the transformer's layers itself.

Sources: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder–Decoder" (the GRU);
Vaswani et al. 2017, "Attention Is All You Need"; Devlin et al. 2019, "BERT" (the mask that looks
both ways, with fill-in training).
"""

import torch
from torch import Tensor, nn

from course_lib.workbook.evaluate import evaluate, get_batch, next_token_loss
from course_lib.workbook.training import History, TrainingConfig, train

BYTES = 256


def as_bytes(text: str) -> Tensor:
    """The UTF-8 bytes of a text as ids, ``(length,)`` int64."""
    return torch.tensor(bytearray(text.encode("utf-8", "replace")), dtype=torch.long)


class RecurrentModel(nn.Module):
    """A GRU language model: everything it knows of the past is one vector, ``width`` numbers."""

    def __init__(self, vocabulary: int = BYTES, width: int = 192, embedding: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.recurrent = nn.GRU(embedding, width, batch_first=True)
        self.output = nn.Linear(width, vocabulary)

    def forward(self, ids: Tensor) -> Tensor:
        """``(batch, time)`` ids → ``(batch, time, vocabulary)`` logits for the token after each."""
        states, _ = self.recurrent(self.embedding(ids))
        return self.output(states)


class SmallTransformer(nn.Module):
    """A transformer of torch's ready-made layers.

    causal   True: every position sees itself and what is to its left, as in GPT.
             False: every position sees all of them, as in BERT.
    """

    def __init__(
        self,
        vocabulary: int = BYTES,
        *,
        causal: bool = True,
        width: int = 128,
        layers: int = 1,
        heads: int = 4,
        context: int = 64,
    ) -> None:
        super().__init__()
        self.context = context
        self.causal = causal
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(
            width,
            heads,
            4 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, vocabulary)
        for table in (self.embedding, self.position):
            nn.init.normal_(
                table.weight, std=0.1
            )  # torch's default of 1 would drown what is learned

    def forward(self, ids: Tensor) -> Tensor:
        """``(batch, time)`` ids, time at most ``context`` → ``(batch, time, vocabulary)`` logits."""
        time = ids.shape[1]
        places = torch.arange(time, device=ids.device)
        mask = ~causal_mask(time, device=ids.device) if self.causal else None
        hidden = self.layers(
            self.embedding(ids) + self.position(places), mask=mask, is_causal=self.causal
        )
        return self.output(self.norm(hidden))


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


def train_on_bytes(
    model: nn.Module,
    data: Tensor,
    *,
    steps: int,
    context: int,
    batch: int,
    learning_rate: float,
    seed: int = 0,
    held_out: Tensor | None = None,
    looks: int = 4,
) -> tuple[History, list[tuple[int, float]]]:
    """Next-token training on one long sequence of ids.

    Returns the history and, with ``held_out``, how good the model was along the way:
    ``looks`` pairs of (bytes read so far, bits per byte on the held-out ids).
    """
    history = train(
        model,
        lambda generator: get_batch(data, context + 1, batch, generator),
        next_token_loss,
        TrainingConfig(
            steps,
            learning_rate,
            lr_scheduler_type="linear",
            seed=seed,
            eval_steps=max(1, steps // looks),
        ),
        evaluate=None if held_out is None else lambda m: evaluate(m, held_out).bits_per_token,
        description=type(model).__name__,
    )
    return history, [(step * batch * context, bits) for step, bits in history.evaluations]


@torch.no_grad()
def influence_by_distance(
    model: nn.Module,
    data: Tensor,
    distances: list[int],
    context: int = 64,
    trials: int = 128,
    seed: int = 0,
) -> list[float]:
    """How much a token still matters when it is d tokens in the past.

    The token at distance d is replaced by a random one; returned is the mean total variation
    distance between the predictions before and after: 0 nothing changes, 1 everything does.
    """
    generator = torch.Generator().manual_seed(seed)
    windows = get_batch(data, context, trials, generator)
    model.eval()
    before = model(windows)[:, -1].softmax(-1)
    effects = []
    for distance in distances:
        changed = windows.clone()
        other = data[torch.randint(len(data), (trials,), generator=generator)]
        changed[:, context - distance] = other
        after = model(changed)[:, -1].softmax(-1)
        effects.append((before - after).abs().sum(-1).mean().item() / 2)
    model.train()
    return effects


@torch.no_grad()
def generate_bytes(
    model: nn.Module, start: str, length: int, *, context: int = 64, seed: int = 0
) -> str:
    """Continue ``start`` byte by byte, each drawn from the model's probabilities."""
    generator = torch.Generator().manual_seed(seed)
    ids = as_bytes(start)[None]
    model.eval()
    for _ in range(length):
        probabilities = model(ids[:, -context:])[0, -1].softmax(-1)
        ids = torch.cat(
            [ids, torch.multinomial(probabilities, 1, generator=generator)[None]], dim=1
        )
    model.train()
    return bytes(ids[0].tolist()).decode("utf-8", "replace")


RECIPES = {
    "GRU": {"context": 32, "batch": 24, "learning_rate": 8e-3},
    "transformer": {"context": 64, "batch": 16, "learning_rate": 3e-3},
}
"""What was found to learn fastest in a few seconds on two cores."""


def new_model(kind: str, seed: int) -> nn.Module:
    """A freshly initialised ``GRU`` or ``transformer``."""
    torch.manual_seed(seed)
    return RecurrentModel() if kind == "GRU" else SmallTransformer()
