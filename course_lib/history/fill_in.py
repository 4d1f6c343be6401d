"""Two ways of training one transformer: continue a text (GPT) or fill in a blank (BERT)."""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_lib.history.neural import SmallTransformer
from course_lib.workbook.evaluate import get_batch, next_token_loss
from course_lib.workbook.training import History, TrainingConfig, train

BLANK, OTHER = "[blank]", "[other]"
CONTEXT = 7  # words in a window; the blank is the one in the middle


class Vocabulary:
    """The most frequent words, numbered; all others are one ``[other]``."""

    def __init__(self, documents: Iterable[Sequence[str]], size: int = 1500) -> None:
        counts = Counter(word.lower() for document in documents for word in document)
        frequent = [
            word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ]
        self.words = [BLANK, OTHER, *frequent[: size - 2]]
        self.ids = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> Tensor:
        """Words → ids, ``(length,)``."""
        return torch.tensor([self.ids.get(word.lower(), 1) for word in words], dtype=torch.long)


def middle_loss(model: nn.Module, windows: Tensor) -> Tensor:
    """Mean cross-entropy of the word in the middle of each window, which is blanked out.

    BERT blanks words anywhere; blanking the middle one of short windows teaches a tiny model the
    same thing in seconds instead of hours.
    """
    middle = windows.shape[1] // 2
    blanked = windows.clone()
    blanked[:, middle] = 0
    return functional.cross_entropy(model(blanked)[:, middle], windows[:, middle])


def train_pair(
    data: Tensor, vocabulary: int, *, steps: int, seed: int = 0
) -> tuple[SmallTransformer, SmallTransformer, list[History]]:
    """A model that continues and one that fills in: same size, same text, same number of steps."""
    torch.manual_seed(seed)
    continues = SmallTransformer(vocabulary, causal=True, width=64, context=CONTEXT)
    fills = SmallTransformer(vocabulary, causal=False, width=64, context=CONTEXT)
    config = TrainingConfig(steps, 4e-3, lr_scheduler_type="linear", seed=seed)
    histories = [
        train(
            continues,
            lambda g: get_batch(data, CONTEXT, 64, g),
            next_token_loss,
            config,
            description="GPT's way",
        ),
        train(
            fills,
            lambda g: get_batch(data, CONTEXT, 192, g),
            middle_loss,
            config,
            description="BERT's way",
        ),
    ]
    return continues.eval(), fills.eval(), histories


@torch.no_grad()
def candidates(
    model: SmallTransformer, vocabulary: Vocabulary, words: Sequence[str], place: int, top: int = 5
) -> list[tuple[str, float]]:
    """What the model puts at ``place``, likeliest first. A causal model sees only what is to its left.

    The two special tokens are never answers.
    """
    half = CONTEXT // 2
    ids = [1] * half + vocabulary.encode(words).tolist() + [1] * half
    window = torch.tensor([ids[place : place + CONTEXT]])
    if model.causal:
        if place == 0:
            raise ValueError(
                "a model that reads from left to right needs at least one word before the blank"
            )
        logits = model(window[:, max(0, half - place) : half])[0, -1]
    else:
        window[0, half] = 0
        logits = model(window)[0, half]
    logits[:2] = -torch.inf
    shares, numbers = logits.softmax(-1).topk(min(top, len(vocabulary) - 2))
    return [
        (vocabulary.words[n], round(p, 3))
        for n, p in zip(numbers.tolist(), shares.tolist(), strict=True)
    ]


@torch.no_grad()
def middle_word_accuracy(model: SmallTransformer, data: Tensor) -> float:
    """How often the likeliest word is right for words of unseen text; ``[other]`` is left out.

    Both models guess the same words: the causal one from the words to the left, the other one
    from both sides.
    """
    half = CONTEXT // 2
    windows = data.unfold(0, CONTEXT, 1) if len(data) >= CONTEXT else data.new_zeros(0, CONTEXT)
    windows = windows[windows[:, half] > 1][:4000]
    if not len(windows):
        return 0.0
    if model.causal:
        logits = model(windows[:, :half])[:, -1]
    else:
        logits = model(windows.index_fill(1, torch.tensor([half]), 0))[:, half]
    logits[:, :2] = -torch.inf
    return (logits.argmax(-1) == windows[:, half]).float().mean().item()
