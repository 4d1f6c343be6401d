"""Ask the assistant that is served here: for tests, and for garak. Needs only Python itself.

garak (Derczynski and others 2024, 2406.11036) wants an environment of its own:

    python -m course_lib serve --adapter assets/models/assistant-adapter    # in another terminal
    python -m venv garak-env && garak-env/bin/pip install garak
    PYTHONPATH=assets/security garak-env/bin/python -m garak \\
        --target_type function --target_name served_assistant#reply --probes encoding
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib import request
from urllib.parse import urlsplit

ADDRESS = "http://127.0.0.1:8000/v1"  # where `python -m course_lib serve` answers


def reply(prompt: str, address: str = ADDRESS, system: str = "", max_tokens: int = 24) -> list[str]:
    """One prompt, a list with its reply, greedily: what garak's generator ``function`` calls.

    ``ValueError`` for another machine: its owner has to agree to tests first. ``OSError`` where
    nobody answers.
    """
    if urlsplit(address).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError(f"{address} is not this machine: its owner has to agree to tests first.")
    turns = [{"role": "system", "content": system}] * bool(system)
    turns.append({"role": "user", "content": prompt})
    body = {"messages": turns, "temperature": 0, "max_tokens": max_tokens}
    headers = {"Content-Type": "application/json"}
    asked = request.Request(f"{address}/chat/completions", json.dumps(body).encode(), headers)
    with request.urlopen(asked, timeout=120) as answer:
        return [json.load(answer)["choices"][0]["message"]["content"]]


def ask(texts: Sequence[str], **options: object) -> list[str]:
    """A reply to each text, asked eight at a time, as many customers would."""
    with ThreadPoolExecutor(8) as pool:
        return [found for [found] in pool.map(lambda text: reply(text, **options), texts)]
