"""The engine behind the addresses and words of OpenAI's interface, so that its clients can ask it.

    /v1/chat/completions  /v1/completions  /v1/models      as in OpenAI's API reference
    /health  /metrics  /                                   alive?, counters, a chat box to try

``gate.Gate`` stands before them all.
"""

import asyncio
import contextlib
import copy
import json
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError, StarletteHTTPException
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from course_lib.errors import CourseError
from course_lib.finetuning.archive import unpack
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.merging import merge
from course_lib.prompting.runtime import HERE
from course_lib.serving.engine import Engine, QueueFull
from course_lib.serving.engine import Request as EngineRequest
from course_lib.serving.gate import Gate, Limits, Notes, failure
from course_lib.transformer.chat import read_talk
from course_lib.transformer.sampling import SamplingParams
from course_lib.transformer.turns import encode_text
from course_lib.workbook.settings import read_json

PAGE = Path(__file__).with_name("chat.html")
INLINE = "'unsafe-inline'"
POLICY = f"default-src 'none'; style-src {INLINE}; script-src {INLINE}; connect-src 'self'"
ERRORS: Any = {
    status: {"description": "An error in OpenAI's form"}
    for status in (400, 401, 404, 408, 413, 415, 429, 500, 503, 504)
}


def whole(text: str) -> str:
    """The text, if it can be written as UTF-8: JSON can hold half a character (a surrogate)."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("Half a character cannot be read")
    return text


def listed(stop: Any) -> Any:
    """One word, or none, is a list, too."""
    return [stop] if isinstance(stop, str) else [] if stop is None else stop


Text = Annotated[str, AfterValidator(whole)]
Word = Annotated[Text, Field(min_length=1, max_length=64)]
Words = Annotated[list[Word], Field(max_length=4)]
Stop = Annotated[Words, BeforeValidator(listed, json_schema_input_type=Word | Words | None)]


class Strict(BaseModel):
    """A word that this server does not know is an error: it would be forgotten silently."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Turn(Strict):
    role: Literal["system", "user", "assistant"]
    content: Text


class StreamOptions(Strict):
    include_usage: bool = False


class Asked(Strict):
    """What both kinds of request have; ``top_k`` and ``repetition_penalty`` as in transformers.

    The penalty is for what the answer itself has said. Null is the usual value: some clients send
    it for whatever was not chosen.
    """

    model: str | None = None
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(1.0, ge=0, le=2)
    top_p: float | None = Field(1.0, gt=0, le=1)
    top_k: int | None = Field(None, ge=1)
    repetition_penalty: float = Field(1.0, ge=0.1, le=10)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: Stop = []
    n: Literal[1] | None = 1
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    user: str | None = None  # taken, and not used

    def params(self) -> SamplingParams:
        heat = 1.0 if self.temperature is None else self.temperature
        heat = 0.0 if heat < 1e-3 else heat  # scores over less are infinite
        share = None if self.top_p == 1 else self.top_p
        return SamplingParams(heat, self.top_k, share, repetition_penalty=self.repetition_penalty)


class Chat(Asked):
    messages: list[Turn] = Field(min_length=1, max_length=256)
    max_completion_tokens: int | None = Field(None, ge=1)


class Completion(Asked):
    prompt: Text | list[int] = Field(min_length=1)


def create_app(
    engine: Engine,
    name: str,
    *,
    keys: Sequence[str] = (),
    limits: Limits = Limits(),  # noqa: B008
    log: TextIO | None = None,
    log_contents: bool = False,
) -> FastAPI:
    """The application. ``engine`` must have been started; ``name`` is the model's, for clients.

    keys           who may ask; without any, only who names this machine by a loopback address
    log            gets one line of JSON an exchange; with ``log_contents`` prompt and reply are in
                   it, with personal data masked
    """
    # Without the pages of documentation: they fetch their scripts from elsewhere.
    app = FastAPI(title="Assistant", docs_url=None, redoc_url=None, responses=ERRORS)
    notes, born = Notes(engine, log, log_contents), int(time.time())
    hashes = {sha256(key.encode()).digest() for key in keys}
    app.add_middleware(Gate, keys=hashes, limits=limits, notes=notes)
    tokenizer = copy.deepcopy(engine.tokenizer)  # its own: the engine's thread decodes meanwhile
    handle_errors(app)

    async def answer(http: Request, body: Asked, ids: list[int], most: int | None) -> Any:
        if not engine.alive:
            raise HTTPException(503, "The engine was stopped: ask again later.")
        if body.model not in (None, name):
            raise HTTPException(404, f"There is no such model here: ask for {name!r}.")
        most = most or limits.max_new_tokens
        if most > limits.max_new_tokens:
            raise HTTPException(400, f"Ask for at most {limits.max_new_tokens} tokens.")
        seed = secrets.randbits(31) if body.seed is None else body.seed
        own = {"stop": body.stop, "seed": seed, "salt": http.state.salt}
        http.state.asked = asked = engine.submit(ids, most, body.params(), **own)
        reply = Reply(asked, name, isinstance(body, Chat), limits.answer_seconds)
        if not body.stream:
            return await reply.whole()
        usage = bool(body.stream_options and body.stream_options.include_usage)
        return StreamingResponse(reply.events(usage), media_type="text/event-stream")

    @app.post("/v1/chat/completions")
    async def chat(body: Chat, http: Request) -> Any:
        """The assistant's next turn."""
        ids = read_talk(tokenizer, [turn.model_dump() for turn in body.messages])
        return await answer(http, body, ids, body.max_completion_tokens or body.max_tokens)

    @app.post("/v1/completions")
    async def complete(body: Completion, http: Request) -> Any:
        """How a text, or tokens, go on."""
        raw = body.prompt
        ids = encode_text(raw, tokenizer) if isinstance(raw, str) else raw
        return await answer(http, body, ids, body.max_tokens)

    @app.get("/v1/models")
    async def models() -> Any:
        """The one model that there is."""
        one = {"id": name, "object": "model", "created": born, "owned_by": "you"}
        return {"object": "list", "data": [one]}

    @app.get("/health")
    async def health() -> Any:
        """Whether it can answer."""
        return {"status": "ok"} if engine.alive else failure(503, "The engine was stopped.")

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Any:
        """Counters, as Prometheus reads them."""
        return Response(generate_latest(notes.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", response_class=HTMLResponse)
    async def page() -> Any:
        """A chat box. It asks this server only."""
        headers = {"Content-Security-Policy": POLICY}
        return HTMLResponse(PAGE.read_text(encoding="utf-8"), headers=headers)

    return app


def handle_errors(app: FastAPI) -> None:
    """Whatever goes wrong is told in OpenAI's form, in one sentence."""

    @app.exception_handler(RequestValidationError)
    async def unfit(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        said = first["msg"].removeprefix("Value error, ")
        place = ".".join(str(part) for part in first["loc"][1:] if "[" not in str(part))
        return failure(400, f"{place or 'The body'}: {said}.", place or None)

    @app.exception_handler(StarletteHTTPException)
    async def refused(_: Request, error: StarletteHTTPException) -> Response:
        sentence = error.detail.removesuffix(".") + "."  # of the frameworks some have no end
        return failure(error.status_code, sentence, headers=error.headers)

    @app.exception_handler(CourseError)
    async def mendable(_: Request, error: CourseError) -> Response:
        if isinstance(error, QueueFull):
            return failure(429, str(error), headers={"Retry-After": "1"})
        return failure(400, str(error))

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        return failure(500, f"The server failed ({type(error).__name__}): ask again.")


class Reply:
    """What the engine writes, in OpenAI's forms: of a chat or of a text, whole or as it comes."""

    def __init__(self, asked: EngineRequest, name: str, chat: bool, seconds: float) -> None:
        self.asked, self.chat, self.seconds = asked, chat, seconds
        kind = "chat.completion" if chat else "text_completion"
        number = f"{'chatcmpl' if chat else 'cmpl'}-{secrets.token_hex(12)}"
        self.head = {"id": number, "object": kind, "created": int(time.time()), "model": name}

    async def pieces(self) -> AsyncIterator[str]:
        """Text. Raises ``HTTPException`` if it does not come to an end."""
        coming, until = aiter(self.asked), time.monotonic() + self.seconds
        try:
            while True:
                next_one = anext(coming, None)
                piece = await asyncio.wait_for(next_one, until - time.monotonic())
                if piece is None:
                    break
                yield piece
        except TimeoutError as error:
            sentence = f"No whole answer in {self.seconds:g} s: ask for fewer tokens."
            raise HTTPException(504, sentence) from error
        if self.asked.finish_reason == "error":
            raise HTTPException(500, self.asked.error)
        if self.asked.finish_reason == "cancelled":
            raise HTTPException(503, "The engine was stopped: ask again later.")

    async def whole(self) -> dict:
        text = "".join([piece async for piece in self.pieces()])
        said = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
        return self._body(said, self.asked.finish_reason) | {"usage": self._usage()}

    async def events(self, usage: bool) -> AsyncIterator[str]:
        """Server-sent events; an error on the way is one, too."""
        if self.chat:
            self.head["object"] += ".chunk"
            yield _event(self._body({"delta": {"role": "assistant", "content": ""}}))
        try:
            async for text in self.pieces():
                part = {"delta": {"content": text}} if self.chat else {"text": text}
                yield _event(self._body(part))
            last = {"delta": {}} if self.chat else {"text": ""}
            yield _event(self._body(last, self.asked.finish_reason))
            if usage:
                yield _event(self.head | {"choices": [], "usage": self._usage()})
        except HTTPException as error:
            yield f"data: {failure(error.status_code, error.detail).body.decode()}\n\n"
        yield "data: [DONE]\n\n"

    def _body(self, said: dict, reason: str | None = None) -> dict:
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": reason}
        return self.head | {"choices": [choice]}

    def _usage(self) -> dict:
        used = self.asked.usage
        details = {"prompt_tokens_details": {"cached_tokens": used.pop("cached_tokens")}}
        return used | {"total_tokens": sum(used.values())} | details


def _event(body: dict) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def listen(host: str, port: int) -> socket.socket:
    """Take the port; 0 is a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family)
    except (OSError, OverflowError) as error:
        sentence = f"{host}, port {port}, cannot be had: give another port, or 0 for a free one."
        raise CourseError(sentence) from error


def _server(app: FastAPI, grace: int) -> uvicorn.Server:
    """``grace``: seconds that answers have to finish when it is told to end."""
    quiet: Any = {"log_level": "error", "access_log": False, "lifespan": "off"}
    return uvicorn.Server(uvicorn.Config(app, timeout_graceful_shutdown=grace, **quiet))


@contextlib.contextmanager
def serve(app: FastAPI, port: int = 0, grace: int = 1) -> Iterator[str]:
    """Within, the app answers at the address, on this machine only; port 0 is a free one."""
    with listen("127.0.0.1", port) as listening:
        server = _server(app, grace)
        options = {"sockets": [listening]}
        thread = threading.Thread(target=server.run, kwargs=options, name="server", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def start(
    model: str | None, adapter: str | None, host: str, port: int, key_file: str | None, log: bool
) -> int:
    """The verb ``serve``: until Ctrl-C, or the signal to end. ``log``: contents, too."""
    keys = read_keys(Path(key_file)) if key_file else []
    if not keys and host not in HERE:
        raise CourseError(f"Others could ask at {host}: give keys (--api-key-file), or no host.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else it would end without tidying
    with listen(host, port) as listening, tempfile.TemporaryDirectory() as folder:
        loaded, tokenizer, name = load(model, adapter, Path(folder) / "adapter")
        with Engine(loaded, tokenizer) as engine:
            app = create_app(engine, name, keys=keys, log=sys.stdout, log_contents=log)
            address = f"http://{host}:{listening.getsockname()[1]}"
            print(f"{name} answers at {address}/ and {address}/v1. Ctrl-C stops it.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                _server(app, grace=20).run(sockets=[listening])
    return 0


def load(model: str | None, adapter: str | None, folder: Path) -> tuple[Any, Any, str]:
    """Model, tokenizer and name. An adapter, a folder or a zip, is merged into its own base."""
    if adapter is None:
        base = load_base(model or "smollm2", four_bit=False)
        return base.model, base.tokenizer, Path(base.name).name
    if not Path(adapter).exists():
        raise CourseError(f"There is no adapter at {adapter}: give its folder, or its zip.")
    place = unpack(Path(adapter), folder) if Path(adapter).is_file() else Path(adapter)
    facts = read_json(place / "base.json")
    name = model or facts.get("name", "smollm2")
    base = load_base(name, four_bit=bool(facts.get("four_bit")))
    return merge(base, place), base.tokenizer, Path(adapter).stem


def read_keys(path: Path) -> list[str]:
    """One key a line. They are in a file, so that no list of processes shows them."""
    try:
        keys = path.read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        raise CourseError(f"The file of keys {path} cannot be read: give another one.") from error
    if not keys or min(map(len, keys)) < 16:
        raise CourseError(f"{path} needs one key a line, each of at least 16 characters.")
    return keys
