"""Two ways of training one transformer: continue a text (GPT) or fill in a blank (BERT)."""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_lib.history.neural import SmallTransformer, draw_windows, next_token_loss
from course_lib.workbook.training import History, Plan, train

BLANK, OTHER = "[blank]", "[other]"
SHARE_MASKED = 0.2


class Vocabulary:
    """The most frequent words, numbered; all others are one ``[other]``."""

    def __init__(self, documents: Iterable[Sequence[str]], size: int = 1500) -> None:
        counts = Counter(word.lower() for document in documents for word in document)
        frequent = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
        self.words = [BLANK, OTHER, *frequent[: size - 2]]
        self.ids = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> Tensor:
        """Words → ids, ``(length,)``."""
        return torch.tensor([self.ids.get(word.lower(), 1) for word in words], dtype=torch.long)


def masked_loss(model: nn.Module, windows: Tensor, generator: torch.Generator) -> Tensor:
    """Mean cross-entropy of the words under the blanks; about a fifth of each window is blanked."""
    hidden = torch.rand(windows.shape, generator=generator) < SHARE_MASKED
    hidden[:, 0] |= ~hidden.any(dim=1)
    logits = model(windows.masked_fill(hidden, 0))
    return functional.cross_entropy(logits[hidden], windows[hidden])


def train_pair(
    data: Tensor, vocabulary: int, *, steps: int, context: int = 16, batch: int = 64, seed: int = 0
) -> tuple[SmallTransformer, SmallTransformer, list[History]]:
    """A model that continues and one that fills in: same size, same text, same number of steps."""
    torch.manual_seed(seed)
    continues = SmallTransformer(vocabulary, causal=True, width=64, context=context)
    fills = SmallTransformer(vocabulary, causal=False, width=64, context=context)
    plan = Plan(steps, 4e-3, schedule="linear", seed=seed)
    blanks = torch.Generator().manual_seed(seed)

    def draw(generator: torch.Generator) -> Tensor:
        return draw_windows(data, context, batch, generator)

    histories = [
        train(continues, draw, next_token_loss, plan, description="GPT's way"),
        train(fills, draw, lambda m, w: masked_loss(m, w, blanks), plan, description="BERT's way"),
    ]
    return continues.eval(), fills.eval(), histories


@torch.no_grad()
def candidates(
    model: SmallTransformer, vocabulary: Vocabulary, words: Sequence[str], place: int, top: int = 5
) -> list[tuple[str, float]]:
    """What the model puts at ``place``, likeliest first. A causal model sees only what is to its left.

    ``words`` may contain ``[blank]``. The two special tokens are never answers.
    """
    ids = vocabulary.encode(words)[None]
    if model.causal:
        if place == 0:
            raise ValueError("a model that reads from left to right needs at least one word before the blank")
        logits = model(ids[:, :place][:, -model.context :])[0, -1]
    else:
        logits = model(ids[:, : model.context])[0, place]
    logits[:2] = -torch.inf
    shares, numbers = logits.softmax(-1).topk(min(top, len(vocabulary) - 2))
    return [(vocabulary.words[n], round(p, 3)) for n, p in zip(numbers.tolist(), shares.tolist(), strict=True)]


@torch.no_grad()
def middle_word_accuracy(model: SmallTransformer, windows: Tensor) -> float:
    """How often the likeliest word is right for the middle of unseen windows, ``[other]`` left out.

    The causal model gets the left half; the other one both halves around a blank.
    """
    middle = windows.shape[1] // 2
    windows = windows[windows[:, middle] > 1]
    if not len(windows):
        return 0.0
    if model.causal:
        logits = model(windows[:, :middle])[:, -1]
    else:
        blanked = windows.clone()
        blanked[:, middle] = 0
        logits = model(blanked)[:, middle]
    logits[:, :2] = -torch.inf
    return (logits.argmax(-1) == windows[:, middle]).float().mean().item()
