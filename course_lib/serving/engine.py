"""Continuous batching: requests join and leave a running batch between two tokens.

Sources: Yu et al. 2022, "Orca", section 3 (batches by the step); Agrawal et al. 2024, arXiv
2403.02310, section 4 (prompts in chunks beside writers); Kwon et al. 2023, arXiv 2309.06180, and
vLLM's documentation, "Automatic Prefix Caching" (blocks by a hash).
"""

import asyncio
import copy
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

from course_lib.errors import CourseError
from course_lib.serving.slots import Slots
from course_lib.transformer.sampling import GREEDY, SamplingParams, draw, row_generators
from course_lib.workbook.machine import release_threads

BLOCK = 16  # tokens that are kept together for requests that begin alike
HALF = "\ufffd"  # what a decoder writes for bytes that are no character, or not yet


class QueueFull(CourseError):
    """Too many requests wait already. A server says it with status 429."""


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
    salt: bytes = b""
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
            before = self.keys[-1] if self.keys else self.salt
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
    batching, chunked_prefill, prefix_cache, packed   False turns one off, to see what it is worth;
                     ``packed`` is of ``Slots``

    In fp32 the tests have found no request whose tokens are not those that ``model.generate``
    writes for it alone. In 16 bits the order of sums shows: near ties may fall otherwise.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_batch_size: int = 16,
        max_waiting: int = 64,
        max_length: int = 2048,
        prefill_chunk: int = 256,
        prefix_bytes: int = 2**28,
        *,
        batching: bool = True,
        chunked_prefill: bool = True,
        prefix_cache: bool = True,
        packed: bool = True,
    ) -> None:
        if min(max_batch_size, max_length, prefill_chunk) < 1 or max_waiting < 0:
            raise CourseError("An engine computes at least 1 request, of 1 token, in chunks of 1.")
        self.slots = Slots(model, packed)
        self.tokenizer = copy.deepcopy(tokenizer)  # others use theirs while our thread decodes
        self.max_batch_size, self.max_waiting = max_batch_size if batching else 1, max_waiting
        self.max_length = min(max_length, self.slots.max_length)
        self.prefill_chunk = prefill_chunk if chunked_prefill else self.max_length * max_batch_size
        self.prefix_bytes = prefix_bytes if prefix_cache else 0
        self.ends = self.slots.ends | {tokenizer.eos_token_id}
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
        salt: bytes = b"",
    ) -> Request:
        """Queue a request, from any thread. It draws with ``seed`` as if it were alone.

        Blocks are shared with requests of the same ``salt`` only: a quick answer would tell others
        that somebody asked the same (vLLM has it under this name).

        Raises ``QueueFull``, and ``CourseError`` for what cannot be answered.
        """
        size, known = len(prompt_ids), self.slots.vocab_size
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
            asked = list(prompt_ids), number, params, seed, text, salt
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
            begun, self._finished, plan, prompts, writers = perf_counter(), [], [], {}, []
            try:
                plan = self._schedule()
                if not plan:
                    return None
                prompts = {request.number: number for request, number in plan if not request.tokens}
                writers = [request.number for request, _ in plan if request.tokens]
                scores = self.slots.read([(r.slot, r.read, r.ids[r.read :][:n]) for r, n in plan])
                for request, number in plan:
                    request.read += number
                for (request, number), row in zip(plan, scores, strict=True):
                    try:
                        self._advance(request, number, row)
                    except Exception as error:  # its own settings: the others go on
                        if not request.finish_reason:
                            self._end(request, "error", sentence(error))
            except Exception as error:
                self._fail(error)
            seconds = perf_counter() - begun
            step = Step(begun, seconds, prompts, writers, self._finished, len(self.waiting))
            self.trace.append(step)
            return step

    def _schedule(self) -> list[tuple[Request, int]]:
        """Who reads how many tokens: writers one each; prompts share a chunk, first come, first.

        Who would read a block that another one reads in this step waits, and copies it in the next.
        """
        with self._changed:
            for request in [r for r in (*self.waiting, *self.running[::-1]) if r.cancelled]:
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
            self.slots.part(request.slot, request.read, request.read + BLOCK)[:] = self.blocks[key]
            request.read += BLOCK
            request.cached += BLOCK

    def _advance(self, request: Request, number: int, scores: Tensor) -> None:
        """Its new tokens are read: keep whole blocks, and write a token if it has read all."""
        first = (request.read - number) // BLOCK
        for index, key in enumerate(self._blocks(request, first, request.read), first):
            if key not in self.blocks:
                block = self.slots.part(request.slot, index * BLOCK, (index + 1) * BLOCK)
                self.blocks[key] = block.clone()
                while len(self.blocks) * block.nbytes > self.prefix_bytes:
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
                text = self.slots.part(last.slot, 0, last.read)
                self.slots.part(request.slot, 0, last.read)[:] = text
                self.running[request.slot], last.slot = last, request.slot
        self._finished.append(request.number)
        request.finish_reason, request.error, request.finish = reason, error, perf_counter()
        request.send("" if error else request.text.end(), None)

    def _fail(self, error: Exception) -> None:
        """All that are computed end. What they left may be broken, and other texts depend on it."""
        while self.running:
            self._end(self.running[-1], "error", sentence(error))
        self.slots.data.zero_()
        self.blocks.clear()

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
            release_threads()
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
        for request in (*self.waiting, *self.running):
            self.cancel(request)
        self.step()

    def __enter__(self) -> "Engine":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.close()


def sentence(error: Exception) -> str:
    """What the client is told."""
    ours = isinstance(error, CourseError)
    return str(error) if ours else f"It failed here ({type(error).__name__}): ask again."
