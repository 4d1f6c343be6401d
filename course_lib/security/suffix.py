"""A suffix that makes our own assistant talk, found with its gradient.

Greedy coordinate gradient (Zou and others 2023, 2307.15043, algorithm 1): behind the message stand
some tokens. A step asks the gradient which other token, at each place, would raise the probability
of a reply that begins with the *goal*; it tries a batch of such single changes, and takes the best.
"""

import copy
import re
from collections.abc import Sequence
from inspect import signature
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import DynamicCache

from course_lib.security.target import Target, require_target
from course_lib.transformer.turns import encode_text, encode_turns
from course_lib.workbook.corpus import load_corpus

PLAIN = re.compile(r" [A-Za-z]{2,}| ?[.,:;!?()-]")
SURE = 0.6  # of each token of the goal: then rounding in another batch does not turn the reply


def vocabulary(tokenizer: Any, banned: str) -> Tensor:
    """Tokens that a suffix may have: whole words and marks of our own handbook, (allowed,).

    So nothing unsuitable can turn up. ``banned``: words that would make it too easy, those of the
    pass-phrase and the secret word itself.
    """
    seen = {
        token for text in load_corpus("handbook").texts() for token in tokenizer(text).input_ids
    }
    words, out = {n: tokenizer.decode([n]) for n in seen}, banned.casefold().split()
    kept = [n for n, w in words.items() if PLAIN.fullmatch(w) and w.strip().casefold() not in out]
    return torch.tensor(sorted(kept))


class Hunt:
    """One message, one goal, and what stays the same while the suffix changes.

    turns     the conversation; the suffix goes directly behind the text of its last turn
    goal      how the reply shall begin
    allowed   tokens that the suffix may have
    fluency   weight of the suffix's own negative log-likelihood: then it reads more like text

    What stands before the suffix is read once; its keys and values are repeated for the batch, once
    as well, and cut back to their length after each use.
    """

    def __init__(
        self, target: Target, turns: Sequence, goal: str, allowed: Tensor, fluency: float = 0.0
    ) -> None:
        self.model, self.tokenizer = require_target(target).model, target.tokenizer
        self.text, self.allowed, self.fluency = turns[-1]["content"], allowed, fluency
        *parts, self.message, after = encode_turns(turns, self.tokenizer, True)
        goal_ids = encode_text(goal, self.tokenizer)
        self.goal, self.rest = torch.tensor(goal_ids), torch.tensor([*after, *goal_ids[:-1]])
        self.name = min({"cache", "past_key_values"} & {*signature(self.model.forward).parameters})
        self.prefix, self.wide = DynamicCache(config=self.model.config), None
        before = torch.tensor([[*sum(parts, []), *self.message]])
        with torch.no_grad():
            self.first = self._read(self.prefix, 1, input_ids=before)[0].log_softmax(-1)

    def gradient(self, ids: Tensor) -> Tensor:
        """How the loss changes, to first order, if a token took a place: (length, allowed).

        That is the gradient at the one-hot rows that choose tokens: the gradient at the embeddings
        times their table.
        """
        table = self.model.get_input_embeddings().weight.detach()
        own = table[ids].clone().requires_grad_()
        with torch.enable_grad():  # the cache is copied: what is read here must leave no trace
            embedded = torch.cat([own, table[self.rest]])[None]
            logits = self._read(copy.deepcopy(self.prefix), self._keep(ids), inputs_embeds=embedded)
            [slope] = torch.autograd.grad(self._loss(logits, ids[None])[0], own)
        scores = (slope.float() @ table[self.allowed].float().T).cpu()
        if self.fluency:  # a token also stands in the loss as the one that is to be guessed
            guessed = torch.cat([self.first, logits[0].detach().log_softmax(-1)])
            scores -= self.fluency / len(ids) * guessed[: len(ids), self.allowed]
        return scores

    def candidates(self, ids: Tensor, best: Tensor, number: int, generator: Any) -> Tensor:
        """Suffixes that differ from ``ids`` in one token, (number, length).

        A place is drawn, and one of the tokens that ``best`` (length, top_k) has for it. What would
        be other tokens once it is text is left out; if that leaves too few, the last is repeated.
        """
        rows = torch.arange(2 * number)
        places = torch.randint(len(ids), (len(rows),), generator=generator)
        picks = torch.randint(best.shape[1], (len(rows),), generator=generator)
        made = ids.repeat(len(rows), 1)
        made[rows, places] = best[places, picks]
        kept = [row for row in made.tolist() if self.survives(row)][:number] or [ids.tolist()]
        return torch.tensor(kept + kept[-1:] * (number - len(kept)))

    def survives(self, ids: list[int]) -> bool:
        """Whether message and suffix, written as text and read again, are the same tokens."""
        text = self.text + self.tokenizer.decode(ids)
        return encode_text(text, self.tokenizer) == [*self.message, *ids]

    @torch.no_grad()
    def losses(self, suffixes: Tensor) -> tuple[Tensor, Tensor]:
        """(number, length) → the loss of each, and whether the reply is sure to be the goal."""
        if self.wide is None or len(self.wide.layers[0].keys) != len(suffixes):
            self.wide = copy.deepcopy(self.prefix)
            self.wide.batch_repeat_interleave(len(suffixes))
        ids = torch.cat([suffixes, self.rest.expand(len(suffixes), -1)], 1)
        logits = self._read(self.wide, self._keep(suffixes[0]), input_ids=ids)
        self.wide.crop(-ids.shape[1])
        probs = logits[:, -len(self.goal) :].softmax(-1)
        said = probs.gather(-1, self.goal.expand(len(ids), -1)[..., None]) > SURE
        return self._loss(logits, suffixes), said.all(1)[:, 0]

    def draw(self, length: int, generator: torch.Generator) -> Tensor:
        """A random suffix that survives, (length,)."""
        while True:
            ids = self.allowed[torch.randint(len(self.allowed), (length,), generator=generator)]
            if self.survives(ids.tolist()):
                return ids

    def _keep(self, ids: Tensor) -> int:
        """So many of the last places are scored: those of the goal, or all of them."""
        return len(ids) + len(self.rest) if self.fluency else len(self.goal)

    def _read(self, cache: DynamicCache, keep: int, **given: Tensor) -> Tensor:
        """Scores of what follows the last ``keep`` tokens; ``cache`` grows by what was read."""
        given = {name: part.to(self.model.device) for name, part in given.items()}
        return self.model(**given, **{self.name: cache}, logits_to_keep=keep).logits.float().cpu()

    def _loss(self, logits: Tensor, suffixes: Tensor) -> Tensor:
        """Mean negative log-likelihood of the goal, nats a token, and of the suffix: (number,)."""
        said, wanted = logits[:, -len(self.goal) :], self.goal.expand(len(suffixes), -1)
        loss = cross_entropy(said.transpose(1, 2), wanted, reduction="none").mean(1)
        if not self.fluency:
            return loss
        inner = logits[:, : suffixes.shape[1] - 1].log_softmax(-1)
        logs = torch.cat([self.first.expand(len(suffixes), 1, -1), inner], 1)
        return loss - self.fluency * logs.gather(-1, suffixes[..., None])[..., 0].mean(1)


class Found(NamedTuple):
    """Where a search ended: the suffix; the loss after each step; texts that the model read, a
    gradient as three (forward, and twice that backward); whether the reply is sure to be the goal.
    """

    text: str
    losses: list[float]
    passes: int
    said: bool


def search(
    hunt: Hunt,
    method: str = "gradient",
    num_steps: int = 20,
    num_candidates: int = 64,
    top_k: int = 64,
    length: int = 12,
    seed: int = 0,
) -> Found:
    """Steps until the reply is sure to begin with the goal, or ``num_steps`` are over.

    method   ``gradient``, or ``random``: changes drawn blindly, and kept if they are better
    """
    generator, losses, passes = torch.Generator().manual_seed(seed), [], 0
    ids = hunt.draw(length, generator)
    for _ in range(num_steps):
        best = hunt.allowed.expand(length, -1)
        if method == "gradient":
            best = best.gather(
                1, hunt.gradient(ids).topk(min(top_k, best.shape[1]), largest=False).indices
            )
        some = hunt.candidates(ids, best, num_candidates, generator)
        loss, said = hunt.losses(some)
        passes += num_candidates + 3 * (method == "gradient")
        row = int((loss - 1e6 * said).argmin())
        if method == "random" and losses and loss[row] > losses[-1] and not said[row]:
            losses.append(losses[-1])
            continue
        ids = some[row]
        losses.append(float(loss[row]))
        if said[row]:
            break
    return Found(hunt.tokenizer.decode(ids), losses, passes, bool(said[row]))
