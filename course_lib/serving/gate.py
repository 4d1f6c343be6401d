"""What stands before a server's routes: who may ask, how large and how slow; and what is noted.

An exchange is one HTTP request with its response. When it is over, for whatever reason, nobody
waits for its answer any more: the engine is told, so that it writes for no one.
"""

import asyncio
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from time import perf_counter
from typing import Any, TextIO

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from course_lib.cleaning.personal import mask_personal
from course_lib.prompting.runtime import HERE
from course_lib.serving.engine import Engine, Request

OPEN = ("/", "/health")  # for these nobody needs a key
CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)


@dataclass(frozen=True)
class Limits:
    """Tokens of an answer, bytes of what is sent, and seconds for either."""

    max_new_tokens: int = 512
    max_body: int = 2**18
    body_seconds: float = 10.0
    answer_seconds: float = 120.0


def failure(
    status: int, message: str, param: str | None = None, headers: Any = None
) -> JSONResponse:
    """An error as OpenAI writes it. It repeats nothing of what was sent."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": param, "code": CODES.get(status)}
    return JSONResponse({"error": error}, status, headers)


class Notes:
    """Counters in Prometheus' form, and a log: of each exchange one line of JSON.

    Contents are in the log only if that was asked for, and then with personal data masked as far as
    it has a form (see ``cleaning.personal``).
    """

    def __init__(self, engine: Engine, log: TextIO | None, contents: bool) -> None:
        self.engine, self.log, self.contents = engine, log, contents
        self.registry = here = CollectorRegistry()
        self.exchanges = Counter(
            "assistant_exchanges", "HTTP exchanges", ["route", "status"], registry=here
        )
        self.tokens = Counter("assistant_tokens", "Tokens by kind", ["kind"], registry=here)
        self.first, self.whole = (
            Histogram(f"assistant_{name}_seconds", text, buckets=SECONDS, registry=here)
            for name, text in [
                ("time_to_first_token", "From arrival to the first token"),
                ("answer", "From arrival to the end of the answer"),
            ]
        )
        for name, places in (("running", engine.running), ("waiting", engine.waiting)):
            gauge = Gauge(f"assistant_requests_{name}", f"Requests {name}", registry=here)
            gauge.set_function(lambda places=places: len(places))

    def write(self, scope: dict, status: int, seconds: float, asked: Request | None) -> None:
        """An exchange is over. A path is named only if there is such a route: it may hold text.

        What fails after a stream has begun was sent with status 200: it is noted as what it is.
        """
        if asked and status == 200:
            reason = asked.finish_reason or "late"
            status = {"error": 500, "cancelled": 503, "late": 504}.get(reason, 200)
        route = getattr(scope.get("route"), "path", "none")
        self.exchanges.labels(route, status).inc()
        line: dict[str, Any] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        line |= {"route": route, "status": status, "seconds": round(seconds, 4)}
        if asked:
            for kind, number in asked.usage.items():
                self.tokens.labels(kind).inc(number)
            if asked.first_token:
                self.first.observe(asked.first_token - asked.arrival)
                line["first_token"] = round(asked.first_token - asked.arrival, 4)
            if asked.finish_reason in ("stop", "length"):
                self.whole.observe(seconds)
            line |= asked.usage | {"finish_reason": asked.finish_reason or "cancelled"}
            if self.contents:
                for name, ids in (("prompt", asked.prompt_ids), ("reply", asked.tokens)):
                    line[name] = mask_personal(self.engine.tokenizer.decode(ids))[0]
        if self.log:
            print(json.dumps(line, ensure_ascii=False), file=self.log, flush=True)


class Gate:
    """ASGI middleware. Routes find the body read, and put the engine's request into ``state``."""

    def __init__(self, app: Any, keys: set[bytes], limits: Limits, notes: Notes) -> None:
        self.app, self.keys, self.limits, self.notes = app, keys, limits, notes

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun, status, whole = perf_counter(), 500, False
        state = scope.setdefault("state", {})

        async def noted(message: dict) -> None:
            nonlocal status, whole
            status = message.get("status", status)
            whole = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        try:
            body = await self._admit(scope, receive)
            if body is None:
                status = 499  # the client went away; nginx's number for it
            elif not await self._exchange(scope, body, receive, noted, lambda: whole):
                status = 499
        except HTTPException as error:
            await failure(error.status_code, error.detail)(scope, receive, noted)
        finally:
            if asked := state.get("asked"):
                self.notes.engine.cancel(asked)
            self.notes.write(scope, status, perf_counter() - begun, asked)

    async def _exchange(
        self, scope: dict, body: bytes, receive: Any, send: Any, is_whole: Any
    ) -> bool:
        """Let the routes answer; True when they did. They stop when the client goes away."""
        leaves = asyncio.ensure_future(receive())  # the body is read: only this can come
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> dict:
            return unread.pop() if unread else await asyncio.shield(leaves)

        work = asyncio.ensure_future(self.app(scope, again, send))
        try:
            await asyncio.wait({work, leaves}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not is_whole():
                return False
            await work
            return True
        finally:
            work.cancel()
            leaves.cancel()

    async def _admit(self, scope: dict, receive: Any) -> bytes | None:
        """The body of an exchange that may go on, None if the client went away while sending."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = re.sub(r":\d*$", "", headers.get(b"host", ""))
        # A page from elsewhere, open in a browser here, could ask under a name of its own
        # (DNS rebinding), or send what is not called JSON without being asked for permission.
        if not self.keys and host not in HERE:
            raise HTTPException(400, f"Without a key this server is for {' and '.join(HERE)} only.")
        scheme, _, key = headers.get(b"authorization", "").partition(" ")
        given = sha256(key.strip().encode()).digest()
        known = [hmac.compare_digest(given, one) for one in self.keys]
        if self.keys and scope["path"] not in OPEN and not (any(known) and scheme == "Bearer"):
            raise HTTPException(401, "Give a key: `Authorization: Bearer KEY`.")
        scope["state"]["salt"] = given if self.keys else b""
        kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
        if scope["method"] == "POST" and kind != "application/json":
            raise HTTPException(415, "Send JSON: `Content-Type: application/json`.")
        most, size, parts = self.limits.max_body, 0, []
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                more = True
                while more and size <= 16 * most:  # reading on lets a client see the refusal
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    more, part = message.get("more_body"), message.get("body", b"")
                    size += len(part)
                    parts += [part] if size <= most else []
        except TimeoutError as error:
            seconds = self.limits.body_seconds
            raise HTTPException(408, f"The body took over {seconds:g} s: send faster.") from error
        if size > most:
            raise HTTPException(413, f"The body has over {most:,} bytes: send less.")
        return b"".join(parts)
