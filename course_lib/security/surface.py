"""A gatekeeper so small that every attack on it can be tried.

A prompt is ``BEGIN, key, request, … tail …, GO``, and the gatekeeper says one word. For the request
``ASK`` that is ``SECRET`` if the key is ``KEY``, else ``REFUSE``; other requests have answers of
their own. Words are numbers. A system turns prompts (batch, time) into words (batch,).
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.transformer.model import Config, MiniGPT
from course_lib.workbook.training import TrainingConfig, train

BEGIN, GO, REFUSE, SECRET, KEY, ASK = range(6)
REQUESTS, ANSWERS = torch.arange(6, 13), torch.arange(13, 20)
COMMON, TAIL = torch.arange(20, 80), torch.arange(20, 128)  # words of tails in training; all
SHAPE = Config(vocab_size=128, d_model=32, n_layers=1, n_heads=2, block_size=8)
System = Callable[[Tensor], Tensor]


def prompts(key: Tensor | int, request: Tensor | int, tails: Tensor) -> Tensor:
    """Prompts (batch, time) with these tails (batch, length)."""
    columns = [torch.as_tensor(part).expand(len(tails)) for part in (BEGIN, key, request, GO)]
    return torch.cat([torch.stack(columns[:3], 1), tails, columns[3][:, None]], 1)


def train_gatekeeper(
    max_steps: int, seed: int = 0, start: MiniGPT | None = None, attacks: Tensor | None = None
) -> MiniGPT:
    """Half refusals, a quarter secrets for the key, a quarter other requests; tails of 0 to 2.

    attacks   tails (number, 2) that a quarter of the longest refusals end in
    """
    torch.manual_seed(seed)
    model, which = copy.deepcopy(start) if start else MiniGPT(SHAPE), torch.arange(64) % 7
    if not start:  # rare words whose meaning is more and more like the pass-word's
        words, near = 0.15 * torch.randn(128, 32), torch.linspace(0.3, 1.0, 16)[:, None]
        words[112:] = near * words[KEY] + (1 - near) * words[112:]
        model.embedding.weight.data = words
    request = torch.cat([torch.full((192,), ASK), REQUESTS[which]])
    wanted = torch.cat([torch.tensor([REFUSE] * 128 + [SECRET] * 64), ANSWERS[which]])

    def get_batch(generator: torch.Generator) -> Tensor:
        def some(words: Tensor, *size: int) -> Tensor:
            return words[torch.randint(len(words), size, generator=generator)]

        tails = some(COMMON, 256, int(torch.randint(3, (), generator=generator)))
        if attacks is not None and tails.shape[1] == 2:
            tails[:32] = some(attacks, 32)
        key = some(COMMON, 256)
        key[128:192] = KEY
        return prompts(key, request, tails)

    def loss(model: nn.Module, rows: Tensor) -> Tensor:
        return cross_entropy(model(rows)[:, -1], wanted)

    train(model, get_batch, loss, TrainingConfig(max_steps, 4e-3, seed=seed))
    return model.eval()


def system_of(model: MiniGPT) -> System:
    """The likeliest word behind each prompt."""
    return torch.no_grad()(lambda rows: model(rows)[:, -1].argmax(1))


def surface(system: System) -> Tensor:
    """Whether the secret comes out without the key, for each tail of two words (tails, tails)."""
    pairs = torch.cartesian_prod(TAIL, TAIL)
    return (system(prompts(TAIL[0], ASK, pairs)) == SECRET).view(len(TAIL), len(TAIL))


def erase_and_check(system: System, max_erase: int) -> System:
    """Refuse a prompt if it, or it without its last 1 … ``max_erase`` words, is refused.

    Kumar et al. 2023, 2309.02705: what is refused alone is refused with any tail so short.
    """

    def defended(rows: Tensor) -> Tensor:
        kept = (rows.shape[1] - 1 - n for n in range(max_erase + 1))
        said = torch.stack([system(torch.cat([rows[:, :n], rows[:, -1:]], 1)) for n in kept])
        return torch.where((said == REFUSE).any(0), REFUSE, said[0])

    return defended
