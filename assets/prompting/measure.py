"""Measure SmolLM2 on the tasks and questions of notebook 07, and write ``measured.json``.

    python assets/prompting/measure.py [shots wordings temperature search retrieval reading]

What is not named stays as it was measured before. All of it takes an hour of one thread.
"""

import random
import sys
from itertools import chain

import numpy as np

from course_lib.alignment.instruct import REFUSAL, bare
from course_lib.alignment.policy import load_policy
from course_lib.embeddings.search import tfidf_scores
from course_lib.places import REPOSITORY
from course_lib.prompting.few_shot import Prompt, read, run
from course_lib.prompting.retrieval import MiniLM, answer, bm25_scores, hits, passages
from course_lib.prompting.search import candidates, optimism
from course_lib.prompting.templates import SMOLLM2
from course_lib.transformer.sampling import SamplingParams
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.models import load_model
from course_lib.workbook.settings import write_json

FILE = REPOSITORY / "assets" / "prompting" / "measured.json"
TASKS, QUESTIONS = read("tasks"), read("handbook_questions")


def items(task: dict) -> list:
    return [*task["development"], *task["held_out"]]


def judge(model: tuple, prompts: list, asked: list) -> np.ndarray:
    """Which item each prompt gets right, (prompts, items)."""
    return np.array([run(*model, prompt, asked)[1] for prompt in prompts])


def shots() -> dict:
    """By task and number of examples: how many of the items were right, for each of five orders."""
    model, found = load_model("smollm2"), {}
    for name, task in TASKS.items():
        print(SMOLLM2.render(Prompt(task["wordings"][0], task["pool"][:1]).turns("…")), flush=True)
        found[name] = {"items": len(items(task))}
        for count in (0, 1, 2, 4, 8):
            draw = random.Random(count)
            orders = [draw.sample(task["pool"], count) for _ in range(5 if count else 1)]
            prompts = [Prompt(task["wordings"][0], order) for order in orders]
            found[name][str(count)] = judge(model, prompts, items(task)).sum(1).tolist()
            print(name, found[name], flush=True)
    return found


def wordings() -> dict:
    """By wording of the task of facts: how many were right without and with two examples."""
    model, task = load_model("smollm2"), TASKS["facts"]
    prompts = [Prompt(word, some) for word in task["wordings"] for some in ((), task["pool"][:2])]
    right = judge(model, prompts, items(task)).sum(1).reshape(-1, 2)
    return {"items": len(items(task)), **dict(zip(task["wordings"], right.tolist(), strict=True))}


def temperature() -> dict:
    """By temperature and top-p: how many letters' facts were right, for each of three seeds."""
    model, task, found = (
        load_model("smollm2"),
        TASKS["facts"],
        {"items": len(items(TASKS["facts"]))},
    )
    prompt = Prompt(task["wordings"][0], task["pool"][:4])
    for heat in (0.0, 0.4, 0.8, 1.2, 1.6):
        for top_p in (1.0, 0.9) if heat else (1.0,):
            params = SamplingParams(temperature=heat, top_p=top_p)
            seeds = (100, 200, 300) if heat else (0,)
            right = [sum(run(*model, prompt, items(task), params, seed)[1]) for seed in seeds]
            found[f"{heat} {top_p}"] = right
            print(heat, top_p, right, flush=True)
    return found


def search() -> dict:
    """Which of the mood task's items each of 24 random prompts gets right, as 0 and 1."""
    model, task = load_model("smollm2"), TASKS["mood"]
    prompts = candidates(task["wordings"], task["pool"], 4, 24, seed=1)
    right = judge(model, prompts, items(task)).astype(int)
    print(f"the best of 24 promises {optimism(right, 24).mean():.2f} too much", flush=True)
    return {"shots": 4, "right": ["".join(map(str, row)) for row in right.tolist()]}


def retrieval() -> dict:
    """By method and kind of question: is the passage that answers the first, among three?"""
    pages = passages(documents())
    texts, dense = [page.text for page in pages], MiniLM()
    methods = {
        "TF-IDF": tfidf_scores,
        "BM25": bm25_scores,
        "MiniLM": lambda asked, texts: dense.embed(asked) @ dense.embed(texts).T,
    }
    found: dict = {"passages": len(pages)}
    for name, method in methods.items():
        for kind in ("direct", "paraphrased"):
            scores = method([one["question"] for one in QUESTIONS[kind]], texts)
            found[f"{name} {kind}"] = [sum(hits(scores, pages, QUESTIONS[kind], k)) for k in (1, 3)]
    return found


def reading() -> dict:
    """By what was read: how many answers are right, stand in what was read, or were refused."""
    model, tokenizer = load_policy()
    model.set_adapter("sft")
    pages, dense, found = passages(documents()), MiniLM(), {}
    place = dense.embed([page.text for page in pages])
    for kind in ("direct", "paraphrased", "unanswered"):
        asked = QUESTIONS[kind]
        best = np.argsort(-dense.embed([one["question"] for one in asked]) @ place.T, kind="stable")
        ways = {f"the best {k}": [[pages[n] for n in row[:k]] for row in best] for k in (1, 3)}
        if kind != "unanswered":
            ways["the right one"] = [
                [next(p for p in pages if hits(np.ones((1, 1)), [p], [one], 1)[0])] for one in asked
            ]
            ways["nothing"] = [[] for _ in asked]
        for way, given in ways.items():
            said = answer(model, tokenizer, [one["question"] for one in asked], given)
            text = [bare(" ".join(page.text for page in own)) for own in given]
            rows = [
                (bare(reply), bare(one.get("answer", REFUSAL)), text)
                for reply, one, text in zip(said, asked, text, strict=True)
            ]
            found[f"{kind}, {way}"] = {
                "asked": len(asked),
                "right": sum(wanted in reply for reply, wanted, _ in rows),
                "refused": sum(bare(REFUSAL) in reply for reply, *_ in rows),
                "supported": sum(reply in text for reply, _, text in rows),
                "replies": said,
            }
            print(kind, way, list(found[f"{kind}, {way}"].values())[:4], flush=True)
    return found


def documents() -> list:
    world = load_corpus("handbook")
    return sorted(chain(world.train, world.validation), key=lambda page: page.id)


if __name__ == "__main__":
    for name in sys.argv[1:] or (
        "shots",
        "wordings",
        "temperature",
        "search",
        "retrieval",
        "reading",
    ):
        write_json(FILE, read("measured") | {name: globals()[name]()})
