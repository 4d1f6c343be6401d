"""Masks, ours and llguidance's: same schemas, same prefixes, one process. And what forcing saves.

    python benchmarks/prompting.py [--texts 20]

Needs SmolLM2 and ``llguidance`` (of the tests). Prefixes are random walks through what both allow;
a state that was met before costs ours a look into a table, so first meetings are also given alone.
Errors are counted on JSON texts of the schemas and on the same with one character changed, judged
by Python alone. Writes ``benchmarks/results/prompting.json``.
"""

import argparse
import json
import math
import os
import platform
import random
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.prompting.constrained import Constraint, generate, json_schema
from course_lib.workbook.machine import set_thread_policy
from course_lib.workbook.settings import write_json

RESULTS = Path(__file__).parent / "results" / "prompting.json"


def record(required: list[str] | None = None, **properties: dict) -> dict:
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names}


STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
TAGS = {"type": "array", "items": STRING, "maxItems": 2}
SCHEMAS = {
    "free": record(name=STRING, age=INTEGER, share=NUMBER, ok={"type": "boolean"}),
    "limits": record(name=STRING | {"minLength": 2, "maxLength": 12}, no={"type": "null"}),
    "pattern": record(part=STRING | {"pattern": "^[A-Z]{2}-[0-9]{3,5}(a|é)?$"}),
    "whole": record(
        a=INTEGER | {"minimum": 7, "maximum": 120},
        b=INTEGER | {"minimum": -77, "maximum": -3},
        c=INTEGER | {"minimum": -250, "maximum": 1999},
    ),
    "decimal": record(
        a=NUMBER | {"minimum": 0.25, "maximum": 10.5}, b=NUMBER | {"minimum": 3, "maximum": 3.07}
    ),
    "optional": record(
        ["b"], a=INTEGER, b={"enum": ["x", "yé", 3, None]}, c={"const": [1, {"a": True}]}
    ),
    "nested": record(
        items={
            "type": "array",
            "items": record(id=INTEGER, tags=TAGS),
            "minItems": 1,
            "maxItems": 3,
        }
    ),
}
SENSOR = record(
    name=STRING | {"maxLength": 20},
    battery=INTEGER | {"minimum": 0, "maximum": 100},
    outdoor={"type": "boolean"},
    kind={"enum": ["soil", "air", "rain"]},
)
NOTES = (
    "Sensor Bean 4 stands in the garden. It measures rain. Its battery is at 81 %.",
    "The soil sensor Tulip hangs in the kitchen; battery 7 percent.",
    "Outside at the gate: air sensor Robin, nearly full with 96 %.",
)


def fits(value: Any, schema: dict) -> bool:
    """Whether a value is of a schema, by Python alone."""
    kind = schema.get("type")
    if kind is None:
        known = schema.get("enum", [schema.get("const")])
        return any(json.dumps(value) == json.dumps(one) for one in known)
    if kind == "object" and isinstance(value, dict):
        properties = schema["properties"]
        known = all(n in properties and fits(value[n], properties[n]) for n in value)
        return known and set(schema["required"]) <= set(value)
    if kind == "array" and isinstance(value, list):
        some = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf)
        return some and all(fits(one, schema["items"]) for one in value)
    if kind == "string" and isinstance(value, str):
        some = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf)
        return some and re.search(schema.get("pattern", ""), value) is not None
    if kind in ("integer", "number") and type(value) in (int, float):
        inside = schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        return inside and (kind == "number" or isinstance(value, int))
    return value is None if kind == "null" else kind == "boolean" and isinstance(value, bool)


def example(schema: dict, draw: random.Random) -> Any:
    """A random value of a schema."""
    kind, low, high = (schema.get(name) for name in ("type", "minimum", "maximum"))
    if kind is None:
        return draw.choice(schema.get("enum", [schema.get("const")]))
    if kind == "object":
        chosen = [n for n in schema["properties"] if n in schema["required"] or draw.random() < 0.5]
        return {name: example(schema["properties"][name], draw) for name in chosen}
    if kind == "array":
        number = draw.randint(schema.get("minItems", 0), schema.get("maxItems", 4))
        return [example(schema["items"], draw) for _ in range(number)]
    if "pattern" in schema:
        digits = "".join(draw.choices("0123456789", k=draw.randint(3, 5)))
        return "".join(draw.choices("AXZ", k=2)) + "-" + digits + draw.choice(["", "a", "é"])
    if kind == "string":
        number = draw.randint(schema.get("minLength", 0), schema.get("maxLength", 15))
        return "".join(draw.choices('ab é日🌱"\\\n', k=number))
    if kind in ("integer", "number"):
        value = draw.uniform(-1e4 if low is None else low, 1e4 if high is None else high)
        return math.ceil(value) if kind == "integer" else round(value, draw.randint(0, 3))
    return draw.random() < 0.5 if kind == "boolean" else None


def their_matcher(tokenizer: Any) -> Any:
    """llguidance's matcher of a schema: our blanks, no other properties, no forced tokens."""
    import llguidance.hf
    from llguidance import LLMatcher

    vocabulary = llguidance.hf.from_tokenizer(tokenizer)
    rule = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}

    def matcher(schema: dict) -> LLMatcher:
        text = json.dumps(schema | {"x-guidance": rule})
        text = text.replace('"object"', '"object", "additionalProperties": false')
        return LLMatcher(vocabulary, '%llguidance {"no_forcing": true}\nstart: %json ' + text)

    return matcher


def their_mask(matcher: Any, size: int) -> np.ndarray:
    """What it allows: (size,)."""
    import llguidance.numpy

    bits = llguidance.numpy.allocate_token_bitmask(1, size)
    llguidance.numpy.fill_next_token_bitmask(matcher, bits, 0)
    return np.unpackbits(bits[0].view(np.uint8), bitorder="little")[:size].astype(bool)


def walk(ours: Constraint, matcher: Any, draw: random.Random, steps: int = 40) -> Any:
    """A random text, token by token: (our mask, theirs, microseconds of both, met before)."""
    state, sizes = ours.start(), ours.trie.sizes
    for _ in range(steps):
        met, begun = ours.mask.cache_info().misses, time.perf_counter()
        mask = ours.mask(state).numpy()
        between = time.perf_counter()
        other = their_mask(matcher, len(mask))
        ended = time.perf_counter()
        times = (1e6 * (between - begun), 1e6 * (ended - between))
        yield mask, other, times, met == ours.mask.cache_info().misses
        allowed = (mask & other).nonzero()[0].tolist()
        short = sorted(allowed, key=lambda t: (9 if t == ours.end else sizes[t], t))[:3]
        token = draw.choice(allowed if draw.random() < 0.5 else short)
        if token == ours.end:
            return
        state = ours.advance(state, token)
        matcher.consume_token(token)


def masks(name: str, tokenizer: Any, matcher: Any, texts: int) -> dict[str, Any]:
    """Times, agreement and errors on one schema."""
    draw, schema, begun = random.Random(name), SCHEMAS[name], time.perf_counter()
    grammar = json_schema(schema)
    compiled = time.perf_counter() - begun
    ours, rows = Constraint(grammar, tokenizer), []
    begun = time.perf_counter()
    matcher(schema)
    theirs = time.perf_counter() - begun
    for _ in range(texts):
        rows += walk(ours, matcher(schema), draw)
    wrong = {"valid refused": [0, 0], "invalid allowed": [0, 0], "of each": 300}
    for _ in range(300):
        while not fits(value := example(schema, draw), schema):
            pass  # rounded to beyond a bound
        text = json.dumps(value, ensure_ascii=False)
        place = draw.randrange(len(text))
        changed = text[:place] + draw.choice('0159-.,"a} ') + text[place + 1 :]
        try:
            invalid = not fits(json.loads(changed), schema)
        except ValueError:
            invalid = True
        for right, one in ((True, text), (False, changed)):
            tokens, other = tokenizer.encode(one, add_special_tokens=False), matcher(schema)
            accepted = bool(grammar.whole[grammar.read(one)])
            there = other.try_consume_tokens(tokens) == len(tokens) and other.is_accepting()
            for side, said in enumerate((accepted, there)):
                wrong["valid refused"][side] += right and not said
                wrong["invalid allowed"][side] += not right and invalid and said
    first = [times[0] for *_, times, met in rows if not met]
    means = np.array([times for *_, times, _ in rows]).mean(0)
    return {
        "states": len(grammar.whole),
        "ms to compile (ours, llguidance)": [round(1e3 * compiled, 1), round(1e3 * theirs, 1)],
        "µs a mask (ours, llguidance)": means.round(1).tolist(),
        "µs of ours at a new state": round(float(np.mean(first)), 1),
        "masks": len(rows),
        "tokens only one allows (ours, llguidance)": [
            int(sum((mask & ~other).sum() for mask, other, *_ in rows)),
            int(sum((other & ~mask).sum() for mask, other, *_ in rows)),
        ],
        "errors (ours, llguidance)": wrong,
    }


def forcing(model: Any, tokenizer: Any) -> dict[str, Any]:
    """How many tokens of a record are forced, and what time that saves; best of two rounds."""
    from course_lib.transformer.chat import chat
    from course_lib.transformer.sampling import GREEDY

    own, tokens, calls, seconds = Constraint(json_schema(SENSOR), tokenizer), 0, 0, [9e9, 9e9]
    talks = [[{"role": "user", "content": f"Write this as JSON: {note}"}] for note in NOTES]
    for _ in range(2):
        begun = time.perf_counter()
        for talk in talks:
            chat(model, tokenizer, talk, 100, GREEDY, show=False, constraint=own)
        between = time.perf_counter()
        for talk in talks:
            text, asked = generate(model, tokenizer, talk, own)
            tokens += len(tokenizer.encode(text, add_special_tokens=False)) + 1
            calls += asked
        ended = time.perf_counter()
        seconds = [min(seconds[0], between - begun), min(seconds[1], ended - between)]
    return {
        "share of forced tokens": round(1 - calls / tokens, 3),
        "seconds (masks only, forced tokens skipped)": [round(each, 2) for each in seconds],
        "speed-up": round(seconds[0] / seconds[1], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=20)
    texts = parser.parse_args().texts
    set_thread_policy()
    from course_lib.workbook.models import load_model

    model, tokenizer = load_model("smollm2")
    matcher = their_matcher(tokenizer)
    by_schema = {name: masks(name, tokenizer, matcher, texts) for name in SCHEMAS}
    totals = np.array(
        [np.array(o["µs a mask (ours, llguidance)"]) * o["masks"] for o in by_schema.values()]
    )
    facts = {
        "command": f"python benchmarks/prompting.py --texts {texts}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("torch", "transformers", "llguidance")},
        "ours over llguidance": round(float(np.divide(*totals.sum(0))), 2),
        "by schema": by_schema,
        "forced tokens": forcing(model, tokenizer),
    }
    write_json(RESULTS, facts)
    print(json.dumps(facts, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
