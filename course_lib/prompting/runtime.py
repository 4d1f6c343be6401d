"""A prompt as a function: typed, checked, tried again, logged, and played back without a model.

The docstring is the prompt, the signature has the types, as in DSPy (Khattab and others 2023,
2310.03714, section 3.1). What completes the chat is a *runtime*: ``Local`` on this machine,
``Endpoint`` elsewhere, ``Replay`` from a log.
"""

import functools
import inspect
import json
import re
import time
import urllib.error
from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass, make_dataclass
from http.client import HTTPException
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib import request

from course_lib.errors import CourseError
from course_lib.finetuning.examples import encode_text
from course_lib.prompting.constrained import Constraint, generate, json_schema
from course_lib.transformer.chat import chat
from course_lib.transformer.sampling import GREEDY
from course_lib.workbook import settings

PLAIN = {str: "string", int: "integer", bool: "boolean"}
HERE = ("localhost", "127.0.0.1", "[::1]")
agreed = set(HERE)  # hosts that text may go to
ATTEMPTS, PAUSE, MAX_BYTES = 3, 1.0, 2**22  # the pause is in seconds, and grows
# A redirect is an error: it would carry the key along.
Stay = type("Stay", (request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None})


def schema_of(kind: Any) -> dict:
    """The JSON Schema of a type: str, int, bool, Literal, list or a dataclass of these."""
    if is_dataclass(kind):
        own = get_type_hints(kind)
        closed = {"required": list(own), "additionalProperties": False}
        properties = {name: schema_of(each) for name, each in own.items()}
        return {"type": "object", "properties": properties, **closed}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is list:
        return {"type": "array", "items": schema_of(get_args(kind)[0]), "maxItems": 8}
    if kind not in PLAIN:
        raise CourseError(f"{kind} is no type for an answer: take str, int, bool, Literal or list.")
    return {"type": PLAIN[kind]} | ({"maxLength": 60} if kind is str else {})


def build(kind: Any, value: Any) -> Any:
    """JSON's value as one of the type; ``ValueError`` says in a sentence what does not fit."""
    origin, inside, name = get_origin(kind), get_args(kind), getattr(kind, "__name__", kind)
    if is_dataclass(kind) and isinstance(value, dict):
        own = get_type_hints(kind)
        if own.keys() == value.keys():
            return kind(**{name: build(own[name], each) for name, each in value.items()})
    if origin is list and isinstance(value, list):
        return [build(inside[0], each) for each in value]
    if type(value) is kind or (origin is Literal and value in inside):
        return value
    raise ValueError(f"{to_json(value)} is not {f'one of {inside}' if inside else name}.")


def to_json(value: Any) -> str:
    """As ``json.dumps`` writes it, which is how constrained JSON is; dataclasses are objects."""
    return json.dumps(value, default=asdict, ensure_ascii=False)


class Runtime:
    """Has ``complete(messages, schema, max_new_tokens)``: a text, tokens read, tokens written."""

    def __init__(self) -> None:
        self.log: list[dict] = []

    def ask(self, messages: list[dict], schema: dict | None, max_new_tokens: int = 200) -> str:
        """The assistant's next turn; the log gets the call, the text, and what it costs."""
        text, read, written = self.complete(messages, schema, max_new_tokens)
        cost = {"prompt_tokens": read, "completion_tokens": written}
        self.log.append({"messages": messages, "schema": schema, "text": text, **cost})
        return text


class Local(Runtime):
    """A model on this machine, greedy; with a schema only tokens that keep to it.

    skip_forced   do not ask the model for tokens that must come. That is quicker, and right for a
                  model that learned such texts; another one may have cut them up differently.
    """

    def __init__(self, model: Any, tokenizer: Any, skip_forced: bool = False) -> None:
        super().__init__()
        self.model, self.tokenizer, self.skip_forced = model, tokenizer, skip_forced

    def complete(self, messages: Sequence, schema: dict | None, max_new_tokens: int) -> tuple:
        constraint = constraint_of(json.dumps(schema), self.tokenizer) if schema else None
        asked = self.model, self.tokenizer, messages
        if constraint and self.skip_forced:
            text = generate(*asked, constraint, max_new_tokens=max_new_tokens)[0]
        else:
            text = chat(*asked, max_new_tokens, GREEDY, show=False, constraint=constraint)
        read = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True)
        return text, len(read["input_ids"]), len(encode_text(text, self.tokenizer)) + 1


@functools.cache
def constraint_of(schema: str, tokenizer: Any) -> Constraint:
    """Compiled once."""
    return Constraint(json_schema(json.loads(schema)), tokenizer)


class Replay(Runtime):
    """The answers of a log, without a model."""

    def __init__(self, log: Sequence[dict]) -> None:
        super().__init__()
        self.known = {to_json([row["messages"], row["schema"]]): row["text"] for row in log}

    def complete(self, messages: Sequence, schema: dict | None, max_new_tokens: int) -> tuple:
        if (key := to_json([messages, schema])) not in self.known:
            raise CourseError("The log does not have this call: make it with a model once.")
        return self.known[key], 0, 0


class Endpoint(Runtime):
    """A model behind OpenAI's ``/chat/completions``; ``settings.endpoint`` says where.

    Before the first text goes to another machine it asks; a run that nobody watches sends none.
    Raises ``CourseError`` when ``ATTEMPTS`` failed, each after ``timeout`` seconds at most.
    """

    def __init__(self, timeout: float = 60.0) -> None:
        super().__init__()
        self.timeout = timeout

    def complete(self, messages: Sequence, schema: dict | None, max_new_tokens: int) -> tuple:
        address, key, model = settings.endpoint()
        parts = re.fullmatch(r"(https?)://([\w.-]+|\[::1])(:\d+)?(/[^?#]*)?", address)
        host = parts and parts[2]
        if not parts or (parts[1] == "http" and host not in HERE):
            raise CourseError("Set COURSE_ENDPOINT to an address such as https://HOST/v1 first.")
        if host not in agreed:
            question = f"Send the text of your calls to {host}? [y/N] "
            if settings.headless() or input(question).strip().lower() not in ("y", "yes"):
                raise CourseError(
                    f"Nothing was sent to {host}: run the cell again and agree first."
                )
            agreed.add(host)
        body = {"model": model, "messages": messages, "max_tokens": max_new_tokens}
        if schema:
            named = {"name": "answer", "schema": schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        url = f"{address.rstrip('/')}/chat/completions"
        asked = request.Request(url, json.dumps(body).encode(), headers)
        opener = request.build_opener(Stay, *([request.ProxyHandler({})] if host in HERE else []))
        for attempt in range(ATTEMPTS):
            time.sleep(attempt * PAUSE)
            try:
                with opener.open(asked, timeout=self.timeout) as reply:
                    found = json.loads(reply.read(MAX_BYTES))
                cost = found.get("usage") or {}
                text = found["choices"][0]["message"]["content"] + ""
                return text, cost.get("prompt_tokens", 0), cost.get("completion_tokens", 0)
            except urllib.error.HTTPError as error:
                why = f"answered {error.code}"
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, HTTPException) as error:
                late = "timed out" in str(error)
                why = f"gave no answer in {self.timeout:g} s" if late else "cannot be reached"
            except (ValueError, LookupError, TypeError, AttributeError):
                why = "sent half an answer, or none in JSON"
        raise CourseError(f"{host} {why}: try later, or look at its address, key and model name.")


def prompt_function(
    runtime: Runtime,
    examples: Sequence[tuple[tuple, Any]] = (),
    check: Callable[..., Any] = lambda value, **arguments: None,
    retries: int = 2,
) -> Callable[[Callable], Callable]:
    """A function without a body: the docstring asks, the return type says what may come.

    examples   (arguments, value), shown as earlier turns of the chat
    check      ``check(value, **arguments)`` raises ``ValueError`` for what no type can rule out
    retries    how often the model is shown what was wrong; ``CourseError`` after the last
    """

    def decorate(function: Callable) -> Callable:
        kind, signature = get_type_hints(function).get("return"), inspect.signature(function)
        bare = not is_dataclass(kind)  # endpoints want an object
        shape = make_dataclass("Answer", [("answer", kind)]) if bare else kind
        schema = schema_of(shape)

        def asked(arguments: dict) -> dict:
            lines = [f"{name}: {value}" for name, value in arguments.items()]
            return {"role": "user", "content": "\n".join(lines)}

        def bind(*args: Any, **kwargs: Any) -> dict:
            (bound := signature.bind(*args, **kwargs)).apply_defaults()
            return bound.arguments

        start = [{"role": "system", "content": inspect.cleandoc(function.__doc__ or "")}]
        for given, value in examples:
            said = to_json(shape(value) if bare else value)
            start += [asked(bind(*given)), {"role": "assistant", "content": said}]

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            arguments = bind(*args, **kwargs)
            messages = [*start, asked(arguments)]
            for _ in range(retries + 1):
                text = runtime.ask(messages, schema)
                try:
                    built = build(shape, json.loads(text))
                    value = built.answer if bare else built
                    check(value, **arguments)
                    return value
                except ValueError as error:
                    why = str(error)
                    messages = [*messages, {"role": "assistant", "content": text}]
                    messages.append({"role": "user", "content": f"{why} Answer again."})
            raise CourseError(
                f"{function.__name__} got no valid answer in {retries + 1} attempts ({why}): say "
                "more in its docstring, or give examples."
            )

        return call

    return decorate
