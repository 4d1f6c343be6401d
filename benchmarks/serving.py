"""Our server against ``transformers serve``, continuous batches against static ones, and drafts.

    python benchmarks/serving.py [--requests 16] [--tokens 48] [--rounds 3] [--types float32 …]

**Servers**: both in a process of their own, one after the other, continuous batching on, the same
SmolLM2 in the same number type. Eight clients each send a prompt, wait for the answer, and send the
next. No prompt comes twice, so no cache helps; the fastest of the rounds counts, the first is to
warm up. In fp32 both must write what ``generate`` writes for each prompt alone.

**Batches**, without a network: requests of different lengths, all at once or one after the other.
The static batch takes whoever waits, and is done when its last request is. Three steps of a batch
of eight lie between two that come one after the other.

**Drafts**: n-grams of the handbook and of the text itself, checked by the model, against none.

Writes ``benchmarks/results/serving.json``.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

from course_lib.workbook import machine

machine.set_thread_policy()

import httpx  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

from course_lib.history.ngrams import KneserNey  # noqa: E402
from course_lib.serving import speculative  # noqa: E402
from course_lib.serving.engine import Engine  # noqa: E402
from course_lib.serving.slots import Slots  # noqa: E402
from course_lib.transformer.sampling import pad_left  # noqa: E402
from course_lib.workbook.corpus import load_corpus  # noqa: E402
from course_lib.workbook.models import find_model, load_model  # noqa: E402
from course_lib.workbook.settings import write_json  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "serving.json"
CLIENTS = 8
Prompts = list[list[int]]


def read_handbook(tokenizer: Any) -> list[int]:
    """The handbook as one row of tokens."""
    return [
        token for text in load_corpus("handbook").texts() for token in tokenizer(text).input_ids
    ]


def cut(row: list[int], number: int, which: int) -> Prompts:
    """The ``which``-th set of prompts, of 33 to 96 tokens; no two sets have a prompt in common."""
    starts = range(number * which * 96, number * (which + 1) * 96, 96)
    if starts.stop > len(row):
        raise SystemExit("The handbook is too short for so many requests and rounds: take fewer.")
    return [row[start : start + 33 + start * 7 % 64] for start in starts]


def alone(model: Any, prompt: list[int], number: int) -> list[int]:
    """What ``generate`` writes, greedily."""
    options = dict(max_new_tokens=number, do_sample=False, pad_token_id=2)
    return model.generate(torch.tensor([prompt]), **options)[0, len(prompt) :].tolist()


@contextlib.contextmanager
def process(command: list[str], port: int) -> Iterator[str]:
    """A server of its own; it is ended whatever happens."""
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 120
    try:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{address}/health").status_code == 200:
                    break
            if started.poll() is not None or time.monotonic() > deadline:
                started.kill()
                raise SystemExit(f"No answer from {command}: {started.communicate()[1].decode()}")
            time.sleep(0.2)
        yield address
    finally:
        started.terminate()
        try:
            started.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.communicate()


async def ask(client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[str, int, float]:
    """Text, number of tokens, seconds to the first piece of text."""
    begun, first, pieces, tokens = time.perf_counter(), None, [], 0
    body = body | {"stream": True, "stream_options": {"include_usage": True}}
    async with client.stream("POST", "/v1/completions", json=body, timeout=600) as reply:
        reply.raise_for_status()
        async for line in reply.aiter_lines():
            if line.startswith("data: {"):
                event = json.loads(line.removeprefix("data: "))
                pieces += [choice["text"] for choice in event["choices"]]
                first = first or (time.perf_counter() if pieces and pieces[-1] else None)
                tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
    return "".join(pieces), tokens, (first or time.perf_counter()) - begun


def load_on(address: str, name: str, texts: list[str], number: int) -> dict[str, Any]:
    """Eight clients, a closed loop: tokens a second, seconds to the first, and the answers."""

    async def everybody() -> list[tuple[str, int, float]]:
        found, places = {}, iter(range(len(texts)))

        async def one(client: httpx.AsyncClient) -> None:
            for place in places:
                body = {"model": name, "prompt": texts[place]}
                found[place] = await ask(client, body | {"max_tokens": number, "temperature": 0})

        async with httpx.AsyncClient(base_url=address) as client:
            await asyncio.gather(*(one(client) for _ in range(CLIENTS)))
        return [found[place] for place in range(len(texts))]

    begun = time.perf_counter()
    answers = asyncio.run(everybody())
    seconds = time.perf_counter() - begun
    first = median(answer[2] for answer in answers)
    rate = sum(answer[1] for answer in answers) / seconds
    return {"rate": rate, "first": first, "texts": [answer[0] for answer in answers]}


def serve_ours(port: int, dtype: str) -> None:
    """Our server, until it is ended."""
    import uvicorn

    from course_lib.serving.server import create_app

    model, tokenizer = load_model("smollm2", dtype=dtype)
    with Engine(model, tokenizer) as engine:
        uvicorn.run(create_app(engine, "smollm2"), host="127.0.0.1", port=port, log_level="error")


def compare_servers(dtype: str, number: int, tokens: int, rounds: int) -> dict[str, Any]:
    """Both servers under the same load; ours as a multiple of theirs."""
    model, tokenizer = load_model("smollm2", dtype=dtype)
    row, (place, _) = read_handbook(tokenizer), find_model("smollm2")
    sets = [
        [tokenizer.decode(ids) for ids in cut(row, number, which)] for which in range(rounds + 1)
    ]
    theirs = [str(Path(sys.executable).with_name("transformers")), "serve", place]
    theirs += ["--continuous-batching", "--device", "cpu", "--host", "127.0.0.1"]
    commands = {
        "ours": ("smollm2", [sys.executable, __file__, "--types", dtype, "--serve"]),
        "transformers": (place, [*theirs, "--dtype", dtype, "--port"]),
    }
    best, said = {}, {}
    for name, (called, command) in commands.items():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with process([*command, str(port)], port) as address:
            runs = [load_on(address, called, texts, tokens) for texts in sets][1:]
        best[name], said[name] = max(runs, key=lambda run: run["rate"]), runs[0]["texts"]
    differing = sum(a != b for a, b in zip(*said.values(), strict=True))
    if dtype == "float32":
        ends = {"skip_special_tokens": True}
        expected = [
            tokenizer.decode(alone(model, tokenizer(text).input_ids, tokens), **ends)
            for text in sets[1]
        ]
        if said["ours"] != expected:
            raise SystemExit("Our server writes other tokens than `generate`: its times are void.")
    return {
        "tokens a second": {name: round(run["rate"], 1) for name, run in best.items()},
        "ratio": round(best["ours"]["rate"] / best["transformers"]["rate"], 2),
        "seconds to the first token": {name: round(run["first"], 3) for name, run in best.items()},
        "answers that differ": f"{differing} of {number}",
    }


def static_batches(model: Any, requests: list[tuple[float, list[int], int]]) -> list[float]:
    """(comes at, prompt, tokens) → seconds until it is done, by ``generate`` in batches."""
    begun, waiting, spans = time.perf_counter(), list(requests), []
    while waiting:
        now = time.perf_counter() - begun
        batch = [request for request in waiting if request[0] <= now][:16]
        if not batch:
            time.sleep(0.001)
            continue
        waiting = waiting[len(batch) :]
        ids, mask = pad_left([prompt for _, prompt, _ in batch])
        options = dict(do_sample=False, eos_token_id=None, pad_token_id=2)
        most = max(number for *_, number in batch)
        model.generate(ids, attention_mask=mask, max_new_tokens=most, **options)
        spans += [time.perf_counter() - begun - due for due, *_ in batch]
    return spans


def continuous_batches(model: Any, tokenizer: Any, requests: list[tuple]) -> list[float]:
    """The same by our engine."""
    with Engine(model, tokenizer) as engine:
        engine.ends, asked, begun = set(), [], time.perf_counter()
        for due, prompt, number in requests:
            time.sleep(max(0.0, begun + due - time.perf_counter()))
            asked.append((due, engine.submit(prompt, number)))
        for _, request in asked:
            "".join(request)
            if (written := request.usage["completion_tokens"]) != request.max_new_tokens:
                raise SystemExit(f"A request has {written} tokens: {request.error}")
    return [request.finish - begun - due for due, request in asked]


def compare_batches(dtype: str, number: int, tokens: int, rounds: int) -> dict[str, Any]:
    """Static and continuous: seconds until all are done, and how long one waits on average."""
    model, tokenizer = load_model("smollm2", dtype=dtype)
    row, found = read_handbook(tokenizer), {}
    model.generation_config.eos_token_id = None
    lengths = [max(1, tokens * (1 + place % 4) // 4) for place in range(number)]
    one, nine = (static_batches(model, [(0.0, row[:40], n)] * 8)[0] for n in (1, 9))
    ways: dict[str, Callable[[list], list[float]]] = {
        "static": lambda load: static_batches(model, load),
        "continuous": lambda load: continuous_batches(model, tokenizer, load),
    }
    for kind, gap in (("all at once", 0.0), ("one after the other", 3 * (nine - one) / 8)):
        best: dict[str, tuple[float, float]] = {}
        for which in range(rounds + 1):
            load = zip(cut(row, number, which), lengths, strict=True)
            load = [(gap * place, *request) for place, request in enumerate(load)]
            for name, way in ways.items():
                spans = way(load)
                done = max(due + span for (due, *_), span in zip(load, spans, strict=True))
                best[name] = min(best.get(name, (float("inf"), 0.0)), (done, mean(spans)))
        found[kind] = {
            "seconds": {name: round(done, 2) for name, (done, _) in best.items()},
            "seconds a request": {name: round(one, 2) for name, (_, one) in best.items()},
            "ratio": round(best["static"][0] / best["continuous"][0], 2),
            "ratio a request": round(best["static"][1] / best["continuous"][1], 2),
        }
    return found


def compare_drafts(dtype: str, number: int, tokens: int, rounds: int) -> dict[str, Any]:
    """Calls and seconds a token, with drafts and without; in fp32 the tokens are the same."""
    model, tokenizer = load_model("smollm2", dtype=dtype)
    row, texts = read_handbook(tokenizer), load_corpus("handbook").train
    table = KneserNey([tokenizer(document.text).input_ids for document in texts], 4)
    drafts = {"none": lambda tokens: {}, "n-grams": speculative.ngram_draft(table)}
    drafts["lookup"] = speculative.lookup_draft
    prompts, found, said, slots = cut(row, min(number, 4), 0), {}, {}, Slots(model)
    for name, draft in drafts.items():
        best = float("inf")
        for _ in range(rounds):
            begun = time.perf_counter()
            answers = [
                speculative.speculative_generate(slots, prompt, draft, tokens) for prompt in prompts
            ]
            best = min(best, time.perf_counter() - begun)
        said[name] = [answer for answer, _ in answers]
        total = {key: sum(facts[key] for _, facts in answers) for key in answers[0][1]}
        found[name] = total | {"tokens": sum(map(len, said[name])), "seconds": round(best, 2)}
    if dtype == "float32" and not said["none"] == said["n-grams"] == said["lookup"]:
        raise SystemExit("Drafts change what is written: their times mean nothing.")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, usual in {"requests": 16, "tokens": 48, "rounds": 3, "serve": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--types", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--result", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.serve:  # what ``compare_servers`` starts
        return serve_ours(asked.serve, asked.types[0])
    sizes = asked.requests, asked.tokens, asked.rounds
    facts = {
        "command": f"python benchmarks/serving.py --requests {sizes[0]} --tokens {sizes[1]} "
        f"--rounds {sizes[2]} --types {' '.join(asked.types)}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads",
        "versions": {module.__name__: module.__version__ for module in (torch, transformers)},
    }
    for dtype in asked.types:
        facts[dtype] = {
            "servers": compare_servers(dtype, *sizes),
            "batches": compare_batches(dtype, *sizes),
            "drafts": compare_drafts(dtype, *sizes),
        }
    write_json(asked.result, facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
