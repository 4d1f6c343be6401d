"""The server as its clients see it: OpenAI's own, curl, and those that behave badly."""

import http.client
import io
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from tiny_assistant import tiny_assistant

from course_lib.errors import CourseError
from course_lib.serving.engine import Engine
from course_lib.serving.gate import Limits
from course_lib.serving.server import create_app, listen, read_keys, serve
from course_lib.transformer.sampling import SamplingParams

TALK: Any = [{"role": "user", "content": "When does the museum open? Write to ann@museum.org"}]
KEY = "k-0123456789abcdef"
GREEDY: Any = {"temperature": 0, "max_tokens": 12, "messages": TALK, "model": "tiny"}


@contextmanager
def running(pause: float = 0.0, engine: Any = None, **options: Any) -> Iterator[SimpleNamespace]:
    """A server whose answers have no end of their own; ``pause`` seconds a step make it slow."""
    ours = Engine(*tiny_assistant(), **(engine or {}))
    ours.ends, quick, log = set(), ours.step, io.StringIO()
    ours.step = lambda: time.sleep(pause) or quick()
    key = (options.get("keys") or ["none"])[0]
    with ours, serve(create_app(ours, "tiny", log=log, **options)) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
        host = address.removeprefix("http://")
        yield SimpleNamespace(engine=ours, client=client, host=host, address=address, log=log)
        client.close()


def ask(at: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict, Any]:
    """Status, headers and JSON of one request."""
    connection = http.client.HTTPConnection(at, timeout=20)
    headers = {"Content-Type": "application/json"} | {k.title(): v for k, v in headers.items()}
    data = body if isinstance(body, bytes | None) else json.dumps(body)
    connection.request("GET" if data is None else "POST", path, data, headers)
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    found = dict(reply.getheaders())
    is_json = found.get("content-type") == "application/json"
    return reply.status, found, json.loads(text) if is_json else text.decode()


def wait_for(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)


def lines(log: io.StringIO, wanted: int) -> list[dict]:
    """The log when it has so many lines: a line is written when its exchange is over."""
    wait_for(lambda: log.getvalue().count("\n") >= wanted)
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_openais_client_gets_the_engines_answer_whole_or_in_pieces() -> None:
    with running() as here:
        chat, complete = here.client.chat.completions.create, here.client.completions.create
        whole, tiny = chat(**GREEDY), chat(**GREEDY | {"temperature": 1e-40})
        events = list(chat(**GREEDY, stream=True, stream_options={"include_usage": True}))
        said = [event.choices[0] for event in events if event.choices]
        text = "".join(choice.delta.content or "" for choice in said)
        assert text == whole.choices[0].message.content == tiny.choices[0].message.content
        assert said[0].delta.role == "assistant"
        assert said[-1].finish_reason == whole.choices[0].finish_reason == "length"
        assert whole.usage.completion_tokens == events[-1].usage.completion_tokens == 12
        assert events[-1].usage.prompt_tokens_details.cached_tokens > 0
        assert [one.id for one in here.client.models.list()] == ["tiny"]
        unchosen: Any = dict.fromkeys(("temperature", "top_p", "n", "stream", "stop"))
        texts = [
            chat(**{**GREEDY, "seed": 5, **other}).choices[0].message.content
            for other in (unchosen, {"temperature": 1.0})
        ]
        assert texts[0] == texts[1]

        ids = here.engine.tokenizer("The museum").input_ids
        same = [
            complete(model="tiny", prompt=prompt, max_tokens=20, seed=5).choices[0].text
            for prompt in ("The museum", ids)
        ]
        alone = here.engine.submit(ids, 20, SamplingParams(1.0), seed=5)
        assert same == ["".join(alone)] * 2
        cut = same[0][3:6]
        stopped = complete(model="tiny", prompt=ids, max_tokens=20, seed=5, stop=[cut])
        assert stopped.choices[0].text == same[0][: same[0].index(cut)]
        pieces = complete(model="tiny", prompt=ids, max_tokens=20, seed=5, stop=cut, stream=True)
        choices = [event.choices[0] for event in pieces]
        assert "".join(choice.text for choice in choices) == stopped.choices[0].text
        assert choices[-1].finish_reason == stopped.choices[0].finish_reason == "stop"


WRONG = [
    (b"{", 400, ""),
    (b'{"messages": "\xff"}', 400, ""),
    (b"[" * 100_000, 400, ""),
    ({}, 400, "messages"),
    ({"messages": []}, 400, "messages"),
    ({"messages": [{"role": "robot", "content": "x"}]}, 400, "messages.0.role"),
    ({"messages": TALK, "temperature": -1}, 400, "temperature"),
    (b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}', 400, "temperature"),
    (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 400, "messages.0.content"),
    ({"messages": TALK, "max_tokens": "5"}, 400, "max_tokens"),
    ({"messages": TALK, "max_tokens": 10**6}, 400, ""),
    ({"messages": TALK, "n": 2}, 400, "n"),
    ({"messages": TALK, "seed": 2**64}, 400, "seed"),
    ({"messages": TALK, "stop": ""}, 400, "stop"),
    ({"messages": TALK, "tools": []}, 400, "tools"),
    ({"messages": [{"role": "user", "content": "x " * 300}]}, 400, ""),
    ({"messages": TALK, "model": "other"}, 404, ""),
    ({"messages": [{"role": "user", "content": "x" * 2**19}]}, 413, ""),
]


def test_what_is_wrong_gets_its_status_and_one_sentence_that_repeats_nothing() -> None:
    with running() as here:
        for body, status, param in WRONG:
            got, _, reply = ask(here.host, "/v1/chat/completions", body)
            error = reply["error"]
            assert (got, (error["param"] or "")[: len(param)]) == (status, param), (body, reply)
            assert error["message"].endswith(".") and len(error["message"]) < 200
            assert error["type"] == "invalid_request_error"
        assert ask(here.host, "/v1/completions", {"prompt": [10**9]})[0] == 400
        assert ask(here.host, "/nowhere")[::2][0] == 404
        assert ask(here.host, "/v1/chat/completions")[0] == 405
        plain = {"content-type": "text/plain"}
        assert ask(here.host, "/v1/completions", {"prompt": "a"}, **plain)[0] == 415
        assert ask(here.host, "/health")[::2] == (200, {"status": "ok"})
        routes = {line["route"] for line in lines(here.log, len(WRONG) + 5)}
        assert routes == {"none", "/v1/chat/completions", "/v1/completions", "/health"}
        here.engine.close()
        assert ask(here.host, "/health")[0] == 503
        assert ask(here.host, "/v1/chat/completions", GREEDY)[0] == 503


def test_a_full_queue_says_when_to_come_back_and_an_error_of_the_model_is_told() -> None:
    with running(0.02, {"max_batch_size": 1, "max_waiting": 0}) as here:
        first = here.client.chat.completions.create(**GREEDY | {"max_tokens": 100}, stream=True)
        next(iter(first))
        status, headers, reply = ask(here.host, "/v1/chat/completions", GREEDY)
        assert (status, headers["retry-after"]) == (429, "1")
        assert reply["error"]["code"] == "rate_limit_exceeded"
        first.close()
    with running() as here:
        read, here.engine.slots.read = here.engine.slots.read, None
        assert ask(here.host, "/v1/chat/completions", GREEDY)[0] == 500
        here.engine.slots.read = read
        assert ask(here.host, "/v1/chat/completions", GREEDY)[0] == 200  # it goes on


@pytest.mark.parametrize("stream", [True, False])
def test_who_goes_away_leaves_the_engine(stream: bool) -> None:
    with running(0.02) as here:
        body = json.dumps(GREEDY | {"max_tokens": 150, "stream": stream}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {here.host}\r\nContent-Length: "
        head += f"{len(body)}\r\nContent-Type: application/json\r\n\r\n"
        name, port = here.host.split(":")
        with socket.create_connection((name, int(port))) as line:
            line.sendall(head.encode() + body)
            wait_for(lambda: here.engine.running)
        [noted] = lines(here.log, 1)
        assert noted["status"] == 499 and noted["completion_tokens"] < 150
        wait_for(lambda: not here.engine.running)
        assert not here.engine.running


def test_limits_of_time() -> None:
    with running(0.02, limits=Limits(answer_seconds=0.3, body_seconds=0.3)) as here:
        slow = GREEDY | {"max_tokens": 150}
        assert ask(here.host, "/v1/chat/completions", slow)[0] == 504
        with pytest.raises(openai.APIError, match="No whole answer"):
            list(here.client.chat.completions.create(**slow, stream=True))
        name, port = here.host.split(":")
        with socket.create_connection((name, int(port))) as line:
            head = f"POST /v1/completions HTTP/1.1\r\nHost: {here.host}\r\nContent-Length: 50\r\n"
            line.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
            assert line.recv(100).startswith(b"HTTP/1.1 408")


def test_keys_and_names() -> None:
    with running(keys=[KEY, KEY[::-1]]) as here:
        assert here.client.chat.completions.create(**GREEDY).usage.completion_tokens == 12
        others = here.client.with_options(api_key=KEY[::-1])  # may not feel what this one asked
        for client, cached in ((here.client, True), (others, False), (others, True)):
            usage = client.chat.completions.create(**GREEDY).usage
            assert (usage.prompt_tokens_details.cached_tokens > 0) == cached
        for given in ("", "Bearer", f"Bearer {KEY[:-1]}", f"Basic {KEY}", "Bearer ü"):
            status, _, reply = ask(here.host, "/v1/models", authorization=given)
            assert (status, reply["error"]["code"]) == (401, "invalid_api_key")
        assert ask(here.host, "/metrics")[0] == 401 and ask(here.host, "/health")[0] == 200
        assert ask(here.host, "/health", host="assistant.example")[0] == 200
    with running() as here:  # a page from elsewhere may not ask by a name of its own
        assert ask(here.host, "/v1/models", host="evil.example")[0] == 400


def test_the_log_has_contents_only_if_asked_and_then_masked() -> None:
    for contents in (False, True):
        with running(log_contents=contents) as here:
            ask(here.host, "/v1/chat/completions", GREEDY)
            [line] = lines(here.log, 1)
            counters = ask(here.host, "/metrics")[2]
        assert "museum.org" not in here.log.getvalue()
        assert ("[e-mail 1]" in line.get("prompt", "")) == contents == ("reply" in line)
        assert (line["status"], line["completion_tokens"]) == (200, 12)
        assert 'assistant_tokens_total{kind="completion_tokens"} 12.0' in counters
        assert 'route="/v1/chat/completions",status="200"} 1.0' in counters
        assert "assistant_time_to_first_token_seconds_count 1.0" in counters


def test_nothing_is_left_behind_not_even_by_an_interrupt(tmp_path) -> None:
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), running(0.02) as here:
        stream = here.client.chat.completions.create(**GREEDY | {"max_tokens": 200}, stream=True)
        next(iter(stream))
        raise KeyboardInterrupt
    assert threading.active_count() == before
    with pytest.raises(OSError):
        socket.create_connection(tuple(here.host.split(":")), 1)
    with running() as one, running() as two:  # side by side
        assert ask(one.host, "/health")[0] == ask(two.host, "/health")[0] == 200
        taken = int(one.host.split(":")[1])
        with pytest.raises(CourseError, match="another port"):
            listen("127.0.0.1", taken)
    for text in ("", "short"):
        (tmp_path / "keys").write_text(text)
        with pytest.raises(CourseError, match="at least 16"):
            read_keys(tmp_path / "keys")


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_curl_reads_the_stream() -> None:
    with running() as here:
        command = ["curl", "-sN", f"{here.address}/v1/chat/completions", "--json"]
        body = json.dumps(GREEDY | {"stream": True})
        said = subprocess.run([*command, body], capture_output=True, text=True, timeout=60).stdout
        assert said.startswith("data: {") and said.endswith("data: [DONE]\n\n")
