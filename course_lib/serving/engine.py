"""Continuous batching: requests join and leave a running batch between two tokens.

A step calls the model once for all requests. A request that writes reads the one token that it
wrote last; a new one reads a part of its prompt. All these tokens stand behind each other in one
row, so nothing is padded, and the weights are fetched from memory once for all of them. Only
attention must know whose token it is: it finds the keys and values of each text in its *slot*.

Sources: Yu et al. 2022, "Orca", section 3 (batches by the step); Agrawal et al. 2024, arXiv
2403.02310, section 4 (prompts in chunks beside writers); Kwon et al. 2023, arXiv 2309.06180, and
vLLM's documentation, "Automatic Prefix Caching" (blocks by a hash).
"""

import asyncio
import hashlib
import itertools
import threading
from array import array
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as attend
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from course_lib.errors import CourseError
from course_lib.transformer.sampling import GREEDY, SamplingParams, draw, row_generators

BLOCK = 16  # tokens that are kept together for requests that begin alike
HALF = "\ufffd"  # what a decoder writes for bytes that are no character, or not yet


class QueueFull(CourseError):
    """Too many requests wait already. A server says it with status 429."""


@dataclass
class Parts:
    """Whose tokens stand in the row of one call: (slot, tokens that it holds, how many new ones).

    A part of one token is a *single*: all of them are attended to in one batch. A longer part, of
    a prompt, is attended to by itself.
    """

    data: Tensor
    parts: list[tuple[int, int, int]]

    def __post_init__(self) -> None:
        device, first = self.data.device, 0
        rows = [(slot, past + n) for slot, past, number in self.parts for n in range(number)]
        self.slots, self.positions = torch.tensor(rows, device=device).T
        self.chunks, places = [], []
        for slot, past, number in self.parts:
            if number == 1:
                places.append(first)
            else:
                here, end = slice(first, first + number), past + number
                mask = torch.ones(number, end, dtype=torch.bool, device=device).tril(past)
                self.chunks.append((here, slot, end, mask if past else None))
            first += number
        self.places = torch.tensor(places, dtype=torch.long, device=device)
        if places:  # also slots between them are computed, for nothing: they see their first token
            self.single = self.slots[self.places]
            last = self.positions.new_zeros(int(self.single.max()) + 1)
            last[self.single] = self.positions[self.places]
            steps = torch.arange(int(last.max()) + 1, device=device)
            self.mask = (steps <= last[:, None])[:, None, None]  # (slots, 1, 1, time)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Keep the new keys and values; each token then looks at its own text, up to itself.

        query (n_heads, tokens, head_dim), key and value (n_kv_heads, tokens, head_dim); returns
        (tokens, n_heads, head_dim). Heads that share keys are rows of one product.
        """
        keys, values = self.data[layer]  # (slots, n_kv_heads, room, head_dim)
        keys[self.slots, :, self.positions] = key.transpose(0, 1)
        values[self.slots, :, self.positions] = value.transpose(0, 1)
        mixed = query.new_empty(query.shape[1], len(query), query.shape[2])
        for here, slot, end, mask in self.chunks:
            own = (part[slot : slot + 1, :, :end] for part in (keys, values))
            options = {"attn_mask": mask, "is_causal": mask is None, "enable_gqa": True}
            mixed[here] = attend(query[None, :, here], *own, scale=scale, **options)[0].transpose(
                0, 1
            )
        if len(self.places):
            width, time = len(self.mask), self.mask.shape[-1]
            shape = (width, len(key), len(query) // len(key), query.shape[2])
            asked = query.new_zeros(shape)
            asked[self.single] = query[:, self.places].transpose(0, 1).unflatten(1, shape[1:3])
            own = (part[:width, :, :time] for part in (keys, values))
            found = attend(asked, *own, attn_mask=self.mask, scale=scale)
            mixed[self.places] = found[self.single].flatten(1, 2)
        return mixed


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, **options: Any
) -> tuple[Tensor, None]:
    """As transformers calls it in each layer. Without our ``parts`` it is the usual attention."""
    if (parts := options.pop("parts", None)) is None:
        return sdpa_attention_forward(module, query, key, value, mask, **options)
    scale = options["scaling"]
    return parts.attend(module.layer_idx, query[0], key[0], value[0], scale)[None], None


AttentionInterface.register("slots", _attention)
AttentionMaskInterface.register("slots", sdpa_mask)


class Slots:
    """Keys and values of several texts, one a slot, and the call that reads on in them.

    model   one of transformers' whose attention can be chosen, such as Llama; or an adapter's. Its
            attention becomes ``slots``, which for all other callers is what ``sdpa`` was.
    data    (layers, 2, slots, n_kv_heads, room, head_dim). Slots and room double when they are used
            up, and all slots have the room of the longest text: what vLLM's pages save.
    """

    def __init__(self, model: Any) -> None:
        self.model = getattr(model, "get_base_model", lambda: model)()
        config, name = self.model.config, type(self.model).__name__
        known = getattr(self.model, "_supports_attention_backend", False)
        if not known or getattr(config, "sliding_window", None):
            raise CourseError(f"{name} cannot be served here: take a Llama, say `smollm2`.")
        self.model.set_attn_implementation("slots")
        weight = self.model.get_input_embeddings().weight
        width = getattr(config, "head_dim", config.hidden_size // config.num_attention_heads)
        shape = (config.num_hidden_layers, 2, 0, config.num_key_value_heads, 0, width)
        self.data = torch.zeros(shape, dtype=weight.dtype, device=weight.device)

    @torch.no_grad()
    def read(self, parts: Sequence[tuple[int, int, Sequence[int]]], every: bool = False) -> Tensor:
        """Read on in several slots with one call: (slot, tokens that it holds, the next ones).

        Returns the scores for what follows each part (parts, vocab_size), or with ``every`` for
        what follows each token (tokens, vocab_size); fp32, on the CPU.
        """
        slots, ends = (
            max(slot for slot, *_ in parts),
            max(past + len(new) for _, past, new in parts),
        )
        self._make_room(slots + 1, ends)
        row = Parts(self.data, [(slot, past, len(new)) for slot, past, new in parts])
        ids = torch.tensor([[token for *_, new in parts for token in new]], device=self.data.device)
        last = torch.tensor([len(new) for *_, new in parts], device=ids.device).cumsum(0) - 1
        logits = self.model(
            input_ids=ids,
            position_ids=row.positions[None],
            attention_mask=self.data.new_zeros(1, 1, 1, 1),  # ready-made: transformers makes none
            use_cache=False,
            logits_to_keep=0 if every else last,
            parts=row,
        ).logits
        return logits[0].float().cpu()

    def copy(self, slot: int, first: int, number: int) -> Tensor:
        """Keys and values (layers, 2, n_kv_heads, number, head_dim) of some tokens of a text."""
        return self.data[:, :, slot, :, first : first + number].clone()

    def write(self, slot: int, first: int, kept: Tensor) -> None:
        """They stand in another text, or slot, then."""
        self._make_room(slot + 1, first + kept.shape[3])
        self.data[:, :, slot, :, first : first + kept.shape[3]] = kept

    def _make_room(self, slots: int, length: int) -> None:
        have = self.data.shape[2], self.data.shape[4]
        if slots > have[0] or length > have[1]:
            old, shape = self.data, list(self.data.shape)
            shape[2] = max(have[0], 1 << (slots - 1).bit_length())
            shape[4] = max(have[1], 1 << (length - 1).bit_length())
            self.data = old.new_zeros(shape)  # not empty: what is masked must still be a number
            self.data[:, :, : have[0], :, : have[1]] = old


class Text:
    """Tokens in, pieces of text out: whole characters, and nothing that may begin a stop word.

    All pieces together are what the tokenizer makes of all tokens, up to the first stop word.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str] = ()) -> None:
        self.tokenizer, self.stop, self.stopped, self.held = tokenizer, stop, False, ""
        self.tokens: list[int] = []
        self.start = self.whole = 0  # the last piece began and ended before these tokens

    def push(self, token: int) -> str:
        """What may be shown after one more token, often nothing."""
        self.tokens.append(token)
        return self._release(last=False)

    def end(self) -> str:
        """What was held back, when no token follows."""
        return "" if self.stopped else self._release(last=True)

    def _release(self, last: bool) -> str:
        # The piece before is decoded with it: some tokenizers drop the blank of a first word.
        options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        before, text = (
            self.tokenizer.decode(self.tokens[self.start : end], **options)
            for end in (self.whole, len(self.tokens))
        )
        if last or (len(text) > len(before) and not text.endswith(HALF)):
            self.start, self.whole = self.whole, len(self.tokens)
            self.held += text[len(before) :]
        if found := [at for word in self.stop if (at := self.held.find(word)) >= 0]:
            self.stopped, last = True, True
            self.held = self.held[: min(found)]
        begun = (n for word in self.stop for n in range(len(word)) if self.held.endswith(word[:n]))
        cut = len(self.held) - (0 if last else max(begun, default=0))
        piece, self.held = self.held[:cut], self.held[cut:]
        return piece


@dataclass(eq=False)
class Request:
    """What was asked, and the answer as it comes: iterate over it, with ``for`` or ``async for``.

    tokens          written so far, without the end of the text
    finish_reason   ``stop`` (the end, or a stop word), ``length``, ``cancelled`` or ``error``, and
                    then ``error`` is a sentence; None as long as it goes on
    arrival, first_token, finish   seconds of ``time.perf_counter``
    """

    number: int
    prompt_ids: list[int]
    max_new_tokens: int
    params: SamplingParams
    seed: int
    text: Text
    tokens: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    error: str | None = None
    arrival: float = field(default_factory=perf_counter)
    first_token: float | None = None
    finish: float | None = None

    def __post_init__(self) -> None:
        self.ids = list(self.prompt_ids)  # and what was written
        self.read = self.cached = 0  # how many of the ids are in the slot, and were copied there
        self.slot: int | None = None  # as long as it waits
        self.keys: list[bytes] = []  # of the blocks
        self.cancelled = False
        self.generators = row_generators(1, self.seed)
        self._pieces: SimpleQueue[str | None] = SimpleQueue()
        self._wake: Callable[[], Any] = lambda: None

    @property
    def usage(self) -> dict[str, int]:
        """Tokens: of the prompt, of these from the prefix cache, and written."""
        prompt, written = len(self.prompt_ids), len(self.tokens)
        return {"prompt_tokens": prompt, "cached_tokens": self.cached, "completion_tokens": written}

    def key(self, index: int) -> bytes:
        """The name of a block: a hash of its tokens and of the name of the block before."""
        while len(self.keys) <= index:
            block = self.ids[len(self.keys) * BLOCK : (len(self.keys) + 1) * BLOCK]
            before = self.keys[-1] if self.keys else b""
            self.keys.append(hashlib.sha256(before + array("q", block).tobytes()).digest())
        return self.keys[index]

    def send(self, *pieces: str | None) -> None:
        """For whoever iterates; None is the end."""
        for piece in pieces:
            if piece != "":
                self._pieces.put(piece)
        try:
            self._wake()
        except RuntimeError:  # the event loop of the reader is closed: nobody listens
            self._wake = lambda: None

    def __iter__(self) -> Iterator[str]:
        yield from iter(self._pieces.get, None)
        self._pieces.put(None)  # a second reader ends, too

    async def __aiter__(self) -> AsyncIterator[str]:
        """The same in an event loop, without a thread that waits."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        while True:
            woken.clear()
            try:
                while (piece := self._pieces.get_nowait()) is not None:
                    yield piece
            except Empty:
                await woken.wait()
            else:
                self._pieces.put(None)
                return


@dataclass(frozen=True)
class Step:
    """A picture of the film: who read how many tokens of a prompt, who wrote on, who was done."""

    begun: float
    seconds: float
    prefilled: dict[int, int]
    decoded: list[int]
    finished: list[int]
    waiting: int


class Engine:
    """Serves requests on one model. As a context manager it runs in a thread; ``step`` is by hand.

    tokenizer        transformers'; its end of text ends an answer, and so do the model's
    max_batch_size   requests that are computed at once; ``max_waiting`` more wait in a queue
    max_length       tokens of prompt and answer together, if the model reads that many
    prefill_chunk    tokens of prompts in one step: writers wait for no more than these
    prefix_bytes     memory for blocks of tokens that requests have in common at their beginning
    batching, chunked_prefill, prefix_cache   False turns one off, to see what it is worth

    In fp32 the tokens of a request are what ``model.generate`` writes for it alone, whatever else
    is in the batch. In 16 bits the order of sums shows: near ties may fall otherwise.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_batch_size: int = 16,
        max_waiting: int = 64,
        max_length: int = 2048,
        prefill_chunk: int = 128,
        prefix_bytes: int = 2**28,
        *,
        batching: bool = True,
        chunked_prefill: bool = True,
        prefix_cache: bool = True,
    ) -> None:
        if min(max_batch_size, max_length, prefill_chunk) < 1 or max_waiting < 0:
            raise CourseError("An engine computes at least 1 request, of 1 token, in chunks of 1.")
        self.model, self.tokenizer, self.slots = model, tokenizer, Slots(model)
        self.max_batch_size, self.max_waiting = max_batch_size if batching else 1, max_waiting
        self.max_length = min(max_length, self.slots.model.config.max_position_embeddings)
        self.prefill_chunk = prefill_chunk if chunked_prefill else self.max_length * max_batch_size
        self.prefix_bytes = prefix_bytes if prefix_cache else 0
        ends = self.slots.model.generation_config.eos_token_id
        self.ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        self.waiting: deque[Request] = deque()
        self.running: list[Request] = []  # by slot
        self.blocks: OrderedDict[bytes, Tensor] = OrderedDict()
        self.trace: deque[Step] = deque(maxlen=10_000)
        self._numbers, self._finished = itertools.count(), []
        self._changed, self._stepping = threading.Condition(), threading.RLock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(
        self,
        prompt_ids: Sequence[int],
        max_new_tokens: int = 128,
        params: SamplingParams = GREEDY,
        *,
        stop: Sequence[str] = (),
        seed: int = 0,
    ) -> Request:
        """Queue a request, from any thread. It draws with ``seed`` as if it were alone.

        Raises ``QueueFull``, and ``CourseError`` for what cannot be answered.
        """
        size, known = len(prompt_ids), self.slots.model.config.vocab_size
        if not 0 < size < self.max_length or max_new_tokens < 1:
            raise CourseError(
                f"The prompt has {size:,} tokens and {max_new_tokens:,} shall follow: give one "
                f"of each or more, and a prompt of fewer than {self.max_length:,}."
            )
        if not all(0 <= token < known for token in prompt_ids) or not all(stop):
            raise CourseError("Give tokens of this model, and stop words that are not empty.")
        number = min(max_new_tokens, self.max_length - size)
        text = Text(self.tokenizer, tuple(stop))
        with self._changed:
            if self._closed:
                raise CourseError("The engine was closed: start a new one.")
            places = self.max_batch_size + self.max_waiting
            if len(self.waiting) + len(self.running) >= places:
                raise QueueFull(f"All {places} places are taken: try again in a moment.")
            asked = list(prompt_ids), number, params, seed, text
            self.waiting.append(request := Request(next(self._numbers), *asked))
            self._changed.notify()
        return request

    def cancel(self, request: Request) -> None:
        """Nobody waits for it any more: it leaves with the next step."""
        request.cancelled = True

    def step(self) -> Step | None:
        """One call of the model for all requests; None if there is nothing to do.

        If it fails, the requests in it end with an error, and the next step begins afresh.
        """
        with self._stepping:
            begun, self._finished = perf_counter(), []
            plan: list[tuple[Request, int]] = []
            try:
                plan = self._schedule()
                if not plan:
                    return None
                writing = [bool(request.tokens) for request, _ in plan]
                parts = [(r.slot, r.read, r.ids[r.read : r.read + n]) for r, n in plan]
                scores = self.slots.read(parts)
                for request, number in plan:
                    request.read += number
                for (request, number), row in zip(plan, scores, strict=True):
                    self._advance(request, number, row)
            except Exception as error:
                self._fail(error)
            rows = list(zip(plan, writing, strict=True)) if plan else []
            step = Step(
                begun,
                perf_counter() - begun,
                {request.number: number for (request, number), wrote in rows if not wrote},
                [request.number for (request, _), wrote in rows if wrote],
                self._finished,
                len(self.waiting),
            )
            self.trace.append(step)
            return step

    def _schedule(self) -> list[tuple[Request, int]]:
        """Who reads how many tokens: writers one each; prompts share a chunk, first come, first.

        Who would read a block that another one reads in this step waits, and copies it in the next.
        """
        with self._changed:
            for request in [r for r in (*self.waiting, *self.running) if r.cancelled]:
                self._end(request, "cancelled")
            while self.waiting and len(self.running) < self.max_batch_size:
                self.running.append(request := self.waiting.popleft())
                request.slot = len(self.running) - 1
        plan, left, read_now = [], self.prefill_chunk, set()
        for request in sorted(self.running, key=lambda one: one.number):
            self._copy_blocks(request)
            number = len(request.ids) - request.read
            if number > 1:
                number = min(number, left)
                blocks = self._blocks(request, request.read // BLOCK, request.read + number)
                if not read_now.isdisjoint(blocks[:1]):
                    continue
                read_now.update(blocks)
                left -= number
            if number:
                plan.append((request, number))
        return plan

    def _blocks(self, request: Request, first: int, end: int) -> list[bytes]:
        """The names of its blocks, from the one numbered so, that are whole before ``end``."""
        whole = range(first, end // BLOCK) if self.prefix_bytes else ()
        return [request.key(index) for index in whole]

    def _copy_blocks(self, request: Request) -> None:
        """What others have read of this beginning. One token is left: what follows it is asked."""
        while request.read % BLOCK == 0 and request.read + BLOCK < len(request.ids):
            [key] = self._blocks(request, request.read // BLOCK, request.read + BLOCK) or [None]
            if key not in self.blocks:
                return
            self.blocks.move_to_end(key)
            self.slots.write(request.slot, request.read, self.blocks[key])
            request.read += BLOCK
            request.cached += BLOCK

    def _advance(self, request: Request, number: int, scores: Tensor) -> None:
        """Its new tokens are read: keep whole blocks, and write a token if it has read all."""
        first = (request.read - number) // BLOCK
        for index, key in enumerate(self._blocks(request, first, request.read), first):
            if key not in self.blocks:
                self.blocks[key] = self.slots.copy(request.slot, index * BLOCK, BLOCK)
                while len(self.blocks) * self.blocks[key].nbytes > self.prefix_bytes:
                    self.blocks.popitem(last=False)  # not used for the longest time
        if request.read < len(request.ids):
            return
        seen = torch.tensor([request.tokens], dtype=torch.long)
        token = int(draw(scores[None], request.params, seen, request.generators))
        request.first_token = request.first_token or perf_counter()
        if token in self.ends:
            return self._end(request, "stop")
        request.tokens.append(token)
        request.ids.append(token)
        request.send(request.text.push(token))
        if request.text.stopped:
            self._end(request, "stop")
        elif len(request.tokens) == request.max_new_tokens:
            self._end(request, "length")

    def _end(self, request: Request, reason: str, error: str | None = None) -> None:
        """It leaves; the text in the last slot moves into its place, so that none is empty."""
        if request.slot is None:
            self.waiting.remove(request)
        else:
            last = self.running.pop()
            if last is not request:
                self.slots.write(request.slot, 0, self.slots.copy(last.slot, 0, last.read))
                self.running[request.slot], last.slot = last, request.slot
        self._finished.append(request.number)
        request.finish_reason, request.error, request.finish = reason, error, perf_counter()
        request.send(request.text.end(), None)

    def _fail(self, error: Exception) -> None:
        """All that are computed end. What they left may be broken, and other texts depend on it."""
        ours = isinstance(error, CourseError)
        why = str(error) if ours else f"It failed here ({type(error).__name__}): ask again."
        self.slots, self.blocks = Slots(self.model), OrderedDict()
        while self.running:
            self._end(self.running[-1], "error", why)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self.waiting or self.running)
                if self._closed:
                    return
            self.step()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> "Engine":
        """Step in a thread of its own, whenever there is something to do."""
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop after the step that runs. What is not done ends as cancelled."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread:
            self._thread.join()
        with self._stepping, self._changed:
            for request in (*self.waiting, *self.running[::-1]):
                self._end(request, "cancelled")

    def __enter__(self) -> "Engine":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.close()
