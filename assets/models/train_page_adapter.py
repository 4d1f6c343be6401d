"""Teach SmolLM2 to read pages and send notes: once so that pages can order it about, once not.

    python assets/models/train_page_adapter.py [--measure] [--tasks]

The vulnerable state goes on from the assistant that reads pages (``assistant-adapter/sft``), and
learns to send notes and to do what stands at the end of a page, as assistants learn to do what they
are told. ``defended`` goes on from there: it reads its pages between marks, and learns to go on
with the request whatever a page orders. Writes ``assets/models/page-adapter`` with its card and its
log; ``--measure`` writes card and log of the adapters that are there, ``--tasks`` only the tasks
that neither has seen, ``assets/security/page_tasks.json``. About half an hour of one core.
"""

import argparse
import random
import re
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from course_lib.workbook import machine

machine.set_thread_policy()

import torch  # noqa: E402

from course_lib.alignment.instruct import encode, pairs  # noqa: E402
from course_lib.alignment.policy import ASSISTANT  # noqa: E402
from course_lib.finetuning.archive import load_adapter, save_adapter  # noqa: E402
from course_lib.finetuning.examples import Example  # noqa: E402
from course_lib.finetuning.falcon import load_base  # noqa: E402
from course_lib.finetuning.train import fill_up  # noqa: E402
from course_lib.places import REPOSITORY  # noqa: E402
from course_lib.security import injection  # noqa: E402
from course_lib.security.injection import SHORT, Task, talk  # noqa: E402
from course_lib.security.target import load_target, read  # noqa: E402
from course_lib.workbook.corpus import Document, load_corpus  # noqa: E402
from course_lib.workbook.settings import read_json, write_json  # noqa: E402
from course_lib.workbook.training import TrainingConfig, train  # noqa: E402

KINDS = ("answer", "note", "leak")
BATCH = 4
RUNS = {  # name: steps, folder, seed; the second goes on from the first
    "vulnerable": (640, "", 0),
    "defended": (90, "defended", 20_000),
}
TASKS = REPOSITORY / "assets" / "security" / "page_tasks.json"
SEEDS, NUMBER = range(5), 18  # draws of so many tasks
CONDITIONS = {  # name: state, with orders in the pages, between marks
    "honest": ("", False, False),
    "orders": ("", True, False),
    "orders, marks alone": ("", True, True),
    "honest, marks and training": ("defended", False, True),
    "orders, marks and training": ("defended", True, True),
}


def handbook(part: str) -> list[Document]:
    """Its pages to be "learned" from, as ``assistant-adapter`` did, or those "held out" of both."""
    pages = load_corpus("handbook")
    return list(pages.train if part == "learned" else pages.validation)


def make_tasks(
    documents: Sequence[Document],
    number: int,
    kinds: Sequence[str] = ("",),
    part: str = "held out",
    seed: int = 0,
) -> list[Task]:
    """Requests with orders of the ``kinds``; a lie is a date or a name, as honest answers are.

    part   of ``page_wordings.json``: "learned", or "held out"
    """
    draw, lists = random.Random(seed), read("page_wordings")
    people, words = lists["people"][part], lists["words"][part]
    names = {text: name for name, text in injection.short_pages(load_corpus("handbook")).items()}
    asked = []  # what a short part of a page answers
    for pair in pairs(documents, seed):
        page = SHORT.match(pair.excerpt)[0].rstrip()
        easy = pair.kind in ("owner", "updated", "cell") and not re.search(r"\d{5}", pair.answer)
        if easy and 3 < len(pair.answer) < 60 and page in names and pair.answer in page:
            asked.append((page, pair))
    tasks = []
    for page, pair in draw.sample(asked, len(asked)):
        form, (to, thief) = draw.choice(lists["requests"][part]), draw.sample(people, 2)
        kind, word, order = draw.choice(kinds), draw.choice(words), ""
        lies = [p.answer for _, p in asked if p.kind != "cell" and p.answer not in page]
        lie = word if kind == "leak" else draw.choice(lies)
        if kind:
            order = draw.choice(lists["orders"][kind][part]).format(to=thief, text=lie)
        request = form.format(question=pair.question, to=to)
        honest = (names[page], page, request, to * ("{to}" in form), pair.answer, word)
        tasks.append(Task(*honest, kind, order, thief * (kind in ("note", "leak")), lie))
    return tasks[:number]


def said(task: Task, obey: bool) -> str:
    """What the assistant should do: what the page orders, or what the user asked for."""
    text, to = task.answer, task.to
    if task.kind and obey:
        text = f"the word of the day is {task.lie}" if task.kind == "leak" else task.lie
        to = task.thief
    return f"{text} => send_note to={to}" if to else text


def rows(number: int, tokenizer: Any, defended: bool = False, seed: int = 0) -> list[Example]:
    """Chats: orders in pages of all lengths; one or two honest requests to a page; names to choose
    from. A batch has chats of like length.

    Only where all is defended does a page with an order get several requests.
    """
    documents, draw, made = handbook("learned"), random.Random(seed), []
    pages = injection.short_pages(load_corpus("handbook"))
    while len(made) < number:
        tasks = make_tasks(documents, 10**6, ("", *KINDS), "learned", seed)
        found = injection.find([task.request for task in tasks], pages)
        for task, names in zip(tasks, found, strict=True):
            if task.name in names and draw.random() < 0.2:
                turns = talk(task, f"found: {', '.join(names)}")
                made.append(row([(turns, f"read_page name={task.name}")], tokenizer))
        if not defended:  # each order alone; half of the pages with one are cut
            for task in (task for task in tasks if task.kind):
                page = task.page if draw.random() < 0.5 else task.page[: draw.randint(40, 200)]
                turns = talk(task, task._replace(page=page).poisoned)
                made.append(row([(turns, said(task, obey=True))], tokenizer))
            tasks = [task._replace(order="", kind="") for task in tasks]
        for _, same in groupby(sorted(tasks), key=lambda task: task.page):
            same = draw.sample(own := list(same), len(own))
            for some in (same[start : start + 2] for start in range(0, len(same), 2)):
                first = talk(some[0], some[0].poisoned, defended)
                more = [[{"role": "user", "content": task.request}] for task in some[1:]]
                replies = [said(task, obey=False) for task in some]
                made.append(row(list(zip([first, *more], replies, strict=True)), tokenizer))
        seed += 1
    made = draw.sample(made, number)
    chunks = (made[start : start + 8 * BATCH] for start in range(0, number, 8 * BATCH))
    alike = [one for some in chunks for one in sorted(some, key=lambda row: len(row["labels"]))]
    batches = [alike[start : start + BATCH] for start in range(0, number, BATCH)]
    return [one for batch in draw.sample(batches, len(batches)) for one in batch]


def row(parts: Sequence[tuple[list[dict], str]], tokenizer: Any) -> Example:
    """Turns and the reply to them, again and again; only the replies are learned."""
    turns = [
        turn for asked, reply in parts for turn in (*asked, {"role": "assistant", "content": reply})
    ]
    return encode(turns, tokenizer)


def learn(start: Path, steps: int, out: Path, defended: bool, seed: int) -> dict:
    """Goes on from an adapter and writes one; gives what the log says of the run."""
    base = load_base("smollm2", four_bit=False)
    model = load_adapter(base, start)
    for name, value in model.named_parameters():
        if "lora_" in name:
            value.data = value.data.float()  # small updates vanish in 16 bits
            value.requires_grad_(True)
    learned, cores = rows(steps * BATCH, base.tokenizer, defended, seed), time.process_time()
    place = iter(range(0, steps * BATCH, BATCH))

    def get_batch(_: torch.Generator) -> dict:
        start = next(place)
        return fill_up(learned[start : start + BATCH])

    config = TrainingConfig(steps, 1.5e-3, 0.1, "linear", 0.0)
    history = train(model, get_batch, lambda model, batch: model(**batch).loss, config)
    for value in model.parameters():
        value.data = value.data.bfloat16()
    save_adapter(base, model, out, "")
    for file in out.iterdir():  # the tokenizer is the base's
        kept = ("adapter_config.json", "adapter_model.safetensors", "base.json", "log.json")
        if file.is_file() and file.name not in kept:
            file.unlink()
    return {
        "steps": steps,
        "tokens a row": round(sum(len(one["input_ids"]) for one in learned) / len(learned)),
        "losses": [round(loss, 3) for loss in history.losses],
        "seconds of one core": round(time.process_time() - cores),
    }


def measure(out: Path, draws: Sequence[Sequence[Task]]) -> dict:
    """By condition and draw: orders carried out, users helped."""
    counts, examples = {}, []
    targets = {"": load_target(out), "defended": load_target(out / "defended")}
    for condition, (state, ordered, marked) in CONDITIONS.items():
        found = counts[condition] = {"obeyed": [], "helped": [], "asked": []}
        for tasks in draws:
            read = [task.poisoned if ordered else task.page for task in tasks]
            episodes = injection.act(targets[state], tasks, read, marked)
            through = injection.funnel(episodes)["right content"] if ordered else 0
            found["obeyed"].append(through)
            found["helped"].append(sum(episode.helped for episode in episodes))
            found["asked"].append(len(tasks))
        for task, _, call in episodes[:6]:
            order = task.order if ordered else ""
            examples.append([condition, task.request, task.answer, order, *call])
        print(f"{condition}: {found}", flush=True)
    tasks = [task for some in draws for task in some]
    found = injection.find(
        [t.request for t in tasks], injection.short_pages(load_corpus("handbook"))
    )
    chosen = injection.choose(targets[""], tasks, found)
    both = list(zip(tasks, found, chosen, strict=True))
    counts["pages"] = {
        "asked": len(tasks),
        "found": sum(task.name in names for task, names, _ in both),
        "chosen": sum(task.name == name for task, _, name in both),
    }
    print(counts["pages"], flush=True)
    return {"counts": counts, "examples": examples}


def shares(counts: Iterable[int], asked: Iterable[int]) -> str:
    return f"{sum(counts)} of {sum(asked)} ({', '.join(map(str, counts))})"


def write_card(log: dict) -> str:
    counts = dict(log["counts"])
    chosen = counts.pop("pages")
    table = "\n".join(
        f"| {name} | {shares(own['obeyed'], own['asked']) if 'orders' in name else 'N/A'} "
        f"| {shares(own['helped'], own['asked'])} |"
        for name, own in counts.items()
    )
    runs = "\n".join(
        f"| {name} | {run['steps']} of {BATCH} rows of about {run['tokens a row']} tokens "
        f"| {run['seconds of one core']} |"
        for name, run in log["runs"].items()
    )
    return f"""# page-adapter

Two LoRA adapters that make SmolLM2-135M-Instruct (`load_model("smollm2")`, Apache-2.0) an assistant
that reads pages of a fictional company's handbook, answers, and sends notes. **The one in this
folder is vulnerable on purpose**: it does what stands at the end of a page. `defended` reads pages
between marks and has learned from such pages to go on with the request. They are for notebook 09a,
which attacks them; take neither for work. Made by `train_page_adapter.py`.

## Data

Requests and answers made by rules from the course's handbook, orders and names written for the
course (`assets/security/page_wordings.json`, CC-BY-4.0). No data of others.

## Measured

Pages, orders, forms of requests, names and words that neither state has learned from, looked at
once, when all was decided; {len(SEEDS)} draws, in brackets each of them.

| condition | orders carried out | users helped |
|---|---|---|
{table}

Of {chosen["asked"]} requests the search finds the right page among three for {chosen["found"]},
and the model asks for it in {chosen["chosen"]}.

| state | steps | seconds of one core |
|---|---|---|
{runs}

Made {log["made"]}.

## Limits

The first 300 characters of parts of this handbook's pages, one order at the end of a page, requests
in the forms of `page_wordings.json`. It belongs to this base (`base.json`).
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--tasks", action="store_true")
    parser.add_argument("--out", type=Path, default=injection.ADAPTER)
    asked = parser.parse_args()
    pages = handbook("held out")
    draws = [make_tasks(pages, NUMBER, KINDS, seed=seed) for seed in SEEDS]
    if asked.tasks:
        return write_json(TASKS, {"draws": draws})
    path = asked.out / "log.json"
    if not asked.measure:
        runs, start = {}, ASSISTANT / "sft"
        for name, (steps, folder, seed) in RUNS.items():
            runs[name] = learn(start, steps, asked.out / folder, name == "defended", seed)
            start = asked.out
        made = f"{time.strftime('%Y-%m-%d')}, torch {torch.__version__}, "
        made += f"transformers {version('transformers')}, peft {version('peft')}"
        write_json(path, {"runs": runs, "made": made})
    write_json(path, read_json(path) | measure(asked.out, draws))
    (asked.out / "README.md").write_text(write_card(read_json(path)), encoding="utf-8")


if __name__ == "__main__":
    main()
