"""A server under steady load, killed, and asked by clients that behave badly.

    python benchmarks/soak.py [--seconds 300] [--bad 10000] [--model smollm2] [--adapter PATH]
                              [--parts steady misused described killed side_by_side]

Everything runs on this machine: servers in processes of their own (``course_lib serve``), the load
here. From three timed numbers the simulation predicts the knee; the load is 80 % of it. Writes
``benchmarks/results/soak.json``; the exit status is 1 if something did not hold.
"""

import argparse
import contextlib
import json
import platform
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psutil
from openai import OpenAI

from course_lib.places import REPOSITORY
from course_lib.serving.engine import Engine
from course_lib.serving.load import Goal, arrivals, run_load, summary
from course_lib.serving.server import create_app, load, serve
from course_lib.serving.simulate import Timing, measure, simulate
from course_lib.transformer.chat import read_talk
from course_lib.workbook.settings import read_json, write_json

RESULTS = Path(__file__).parent / "results" / "soak.json"
TOKENS = 24  # of an answer, at most
PROMPTS = [
    f"Tell me in one sentence what a {thing} is for."
    for thing in ("spoon", "lantern", "bridge", "whistle", "ladder", "compass", "kettle", "drum")
]
PARTS = ["steady", "misused", "described", "killed", "side_by_side"]
GOAL = Goal(first_token=2.0, between=0.25)


@contextlib.contextmanager
def server(model: str | None, adapter: str | None, port: int = 0) -> Iterator[tuple[str, Any]]:
    """Address and process of a server; it is ended and waited for, whatever happens."""
    command = [sys.executable, "-m", "course_lib", "serve", "--port", str(port)]
    command += ["--model", model] if model else []
    command += ["--adapter", adapter] if adapter else []
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=REPOSITORY)
        try:
            while True:
                log.seek(0)
                if found := re.search(r"answers at (http://\S+?)/ ", log.read()):
                    break
                if process.poll() is not None:
                    log.seek(0)
                    sys.exit(f"The server did not start: {log.read()}")
                time.sleep(0.1)
            yield found[1], psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def time_steps(model: Any, tokenizer: Any) -> tuple[Timing, int]:
    """The three numbers, timed while it is served; and how many tokens a prompt has."""
    with Engine(model, tokenizer, prefix_cache=False) as engine:
        engine.ends = set()
        with serve(create_app(engine, "timed")) as address:
            run_load(address, [0.0], PROMPTS, max_tokens=TOKENS)  # warms up
            engine.trace.clear()
            for number in (1, 8):
                run_load(address, [0.0] * number, PROMPTS, max_tokens=TOKENS)
    prompt = read_talk(tokenizer, [{"role": "user", "content": PROMPTS[0]}])
    return measure(engine.trace), len(prompt)


def predict_knee(timing: Timing, prompt: int) -> float:
    """Requests a second, by the simulation at twelve rates up to what a full batch passes."""
    top, runs = 1.2 * timing.capacity(prompt, TOKENS), {}
    for part in range(1, 13):
        due = arrivals(top * part / 12, 400 / top, seed=part)
        runs[top * part / 12] = simulate(timing, due, [prompt] * len(due), [TOKENS] * len(due))
    return GOAL.knee(runs)


def steady(address: str, process: Any, rate: float, seconds: float) -> dict[str, Any]:
    """Load at 80 % of the knee: what came back, and how the server's memory grew."""
    sizes, done = [], threading.Event()

    def watch() -> None:
        while not done.wait(seconds / 60):
            sizes.append(process.memory_info().rss)

    run_load(address, arrivals(rate, min(10.0, seconds), 1), PROMPTS, max_tokens=TOKENS)  # warm up
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        due = arrivals(rate, seconds, seed=0)
        calls = run_load(address, due, PROMPTS, max_tokens=TOKENS, temperature=0.0, timeout=120)
    finally:
        done.set()
        watcher.join()
    third = len(sizes) // 3
    grown = max(sizes[-third:]) / max(sizes[:third]) - 1
    lost = sum(bool(call.error) for call in calls)
    numbers = {name: round(value, 3) for name, value in summary(calls, GOAL).items()}
    holds = lost == 0 and grown < 0.05
    return {"holds": holds, "lost": lost, "memory_grown": round(grown, 4), **numbers}


def killed(options: tuple, rate: float) -> dict[str, Any]:
    """Killed under load and started again on the same port: errors are clean, then all is well."""
    with server(*options) as (address, process):
        threading.Timer(3.0, process.kill).start()
        calls = run_load(address, arrivals(rate, 6, 2), PROMPTS, max_tokens=TOKENS, timeout=60)
    kinds = Counter(call.error.split(":")[0] for call in calls)
    clean = set(kinds) <= {"", "APIConnectionError", "APIError", "The answer has no end."}
    begun = time.monotonic()
    with server(*options, port=int(address.rsplit(":", 1)[1])) as (again, _):
        back = time.monotonic() - begun
        slower = arrivals(rate / 2, 6, 3)  # it is still cold
        after = run_load(again, slower, PROMPTS, max_tokens=TOKENS, timeout=60)
    failed = sorted({call.error for call in after} - {""})
    holds = clean and len(kinds) > 1 and not failed
    facts = {"errors": dict(kinds), "errors_after": failed}
    return {"holds": holds, **facts, "seconds_to_start": round(back, 1)}


def request(body: bytes, length: int | None = None, kind: str = "application/json") -> bytes:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
    size = len(body) if length is None else length
    return f"{head}Content-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body


def mutated(rng: random.Random) -> bytes:
    """A good body with a few bytes changed."""
    body = bytearray(json.dumps({"messages": [{"role": "user", "content": "Hello"}]}).encode())
    for _ in range(rng.randint(1, 6)):
        body[rng.randrange(len(body))] = rng.randrange(256)
    return bytes(body[: rng.randint(1, len(body) - 1)])  # never whole, so never right


def bad_request(address: str, seed: int) -> tuple[str, str]:
    """Send one request that is not right. Returns its kind, and what came back that should not."""
    rng = random.Random(seed)
    host, port = address.removeprefix("http://").split(":")
    kinds = {
        "malformed": (request(mutated(rng)), {b"400"}),
        "wrong type": (request(b'{"messages": 5, "n": "x"}'), {b"400"}),
        "not JSON": (request(b"messages=1", kind="text/plain"), {b"415"}),
        "oversized": (request(b'{"messages": "' + b"x" * 2**19 + b'"}'), {b"413"}),
        "no HTTP": (rng.randbytes(rng.randint(4, 200)) + b"\r\n\r\n", {b"400", b""}),
        "half-closed": (request(b'{"messages": ', 500), {b""}),
        "dropped": (request(b'{"messages": ', 500), {b""}),
        "slow": (request(b'{"messages": ', 500), {b"408"}),
    }
    names = list(kinds)
    kind = names[-1] if seed % 100 == 0 else rng.choice(names[:-1])  # a slow one takes 10 seconds
    data, expected = kinds[kind]
    status = b""
    line = socket.create_connection((host, int(port)), 60)
    with line, contextlib.suppress(ConnectionError):
        line.sendall(data)
        if kind == "half-closed":
            line.shutdown(socket.SHUT_WR)
        status = b"" if kind == "dropped" else line.recv(4096)[9:12]
    return kind, "" if status in expected else f"{kind} (seed {seed}): {status.decode()}"


def misused(address: str, process: Any, number: int) -> dict[str, Any]:
    """Many bad requests, eight at a time; then a good one."""
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda seed: bad_request(address, seed), range(number)))
    wrong = [said for _, said in results if said]
    alive = process.is_running() and not run_load(address, [0.0], PROMPTS, max_tokens=4)[0].error
    counts = dict(Counter(kind for kind, _ in results))
    return {"holds": alive and not wrong, "sent": counts, "unexpected": wrong[:10]}


def described(address: str, examples: int) -> dict[str, Any]:
    """schemathesis makes requests from the server's own description, good ones and bad ones."""
    command = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{address}/openapi.json"]
    checks = "not_a_server_error,status_code_conformance,negative_data_rejection"
    command += ["--checks", checks, "--max-examples", str(examples), "--seed", "1", "--no-color"]
    command += ["--workers", "4", "--request-timeout", "180"]  # an answer may be long
    done = subprocess.run(command, capture_output=True, text=True, cwd=tempfile.gettempdir())
    return {"holds": done.returncode == 0, "said": done.stdout.strip().splitlines()[-12:]}


def side_by_side(options: tuple) -> dict[str, Any]:
    """Two servers at once give the same answers to the same questions."""
    with server(*options) as (one, _), server(*options) as (two, _):

        def answers(address: str) -> list[str]:
            with OpenAI(base_url=f"{address}/v1", api_key="none") as client:
                model = client.models.list().data[0].id
                asked: Any = {"model": model, "temperature": 0, "max_tokens": TOKENS}
                talks: Any = [[{"role": "user", "content": text}] for text in PROMPTS]
                replies = [client.chat.completions.create(messages=t, **asked) for t in talks]
            return [reply.choices[0].message.content for reply in replies]

        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(answers, (one, two))
    return {"holds": first == second and any(first)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=300, help="of steady load")
    parser.add_argument("--bad", type=int, default=10_000, help="requests that are not right")
    parser.add_argument("--model")
    parser.add_argument("--adapter")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="others stay")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    options = given.model, given.adapter
    with tempfile.TemporaryDirectory() as folder:
        model, tokenizer, name = load(*options, Path(folder) / "adapter")
    timing, prompt = time_steps(model, tokenizer)
    del model
    knee = predict_knee(timing, prompt)
    facts = {"machine": f"{platform.machine()}, {psutil.cpu_count()} cores", "model": name}
    facts |= {"date": date.today().isoformat(), "seconds": given.seconds}
    facts |= {"predicted_knee": round(knee, 3)}
    results = read_json(given.out) if given.out.is_file() else {}
    with server(*options) as (address, process):
        ways = {
            "steady": lambda: steady(address, process, 0.8 * knee, given.seconds),
            "misused": lambda: misused(address, process, given.bad),
            "described": lambda: described(address, max(3, given.bad // 500)),
            "killed": lambda: killed(options, 0.8 * knee),
            "side_by_side": lambda: side_by_side(options),
        }
        for part in given.parts:
            results[part] = facts | ways[part]()
    write_json(given.out, results)
    print(json.dumps(results, indent=1))
    return not all(part["holds"] for part in results.values() if isinstance(part, dict))


if __name__ == "__main__":
    sys.exit(main())
