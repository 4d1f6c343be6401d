"""Supervised fine-tuning: questions about pages with their answers, and what a model learns.

The pairs are made by rules, as Flan's were by templates (Wei and others 2021, 2109.01652, section
2.1); for InstructGPT people wrote 13,000 (Ouyang and others 2022, 2203.02155, section 3.2).
"""

import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.errors import CourseError
from course_lib.finetuning.examples import Example
from course_lib.finetuning.falcon import Base
from course_lib.finetuning.train import FinetuneConfig, FinetuneResult, fine_tune
from course_lib.places import REPOSITORY
from course_lib.transformer.chat import chat
from course_lib.transformer.sampling import GREEDY
from course_lib.transformer.turns import encode_text, encode_turns
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.document import num_bytes
from course_lib.workbook.corpus.encoding import SENTENCE_END, parts
from course_lib.workbook.evaluate import IGNORE_INDEX
from course_lib.workbook.training import give_memory_back

FORMS = json.loads((REPOSITORY / "assets/alignment/question_forms.json").read_text("utf-8"))
REFUSAL = "The page does not say."
SYSTEM = f"Answer from the page, in its words. If it is not there: {REFUSAL}"
EXCERPT, LONGEST = 600, 160  # bytes of an excerpt (150 tokens of English), characters of an answer
SETTINGS = dict(learning_rate=1.5e-3, batch_size=4, r=8, lora_alpha=16, lora_dropout=0.0)
UNANSWERABLE = 0.13  # more teaches to refuse everything, the cheapest way to a lower loss
TABLE = re.compile(r"^\|.*\|\n\|[ :|-]+\|\n(?:\|.*\|(?:\n|\Z))*", re.M)
ITEM = r"(?:[-*+] |\d+\. )?"
SECTION = re.compile(rf"^(?:(#)#* |{ITEM}\*\*)(.+?)(?:\*\*|\n+)((?:(?![|#>]).+\n?)+)", re.M)
PROSE = re.compile(r"^(?![|#>]).+(?:\n(?![|#>\s*+-]|\d+\. ).+)*", re.M)
NUMBER = re.compile(r"(?<![\w.,:-])\d+(?:[.,: ]\d+)*(?![\w-])")


class Pair(NamedTuple):
    """``answer`` stands in ``excerpt``, or is ``REFUSAL`` for a question of another page.

    kind   cell, section, faq, number, owner or updated, as in ``question_forms.json``
    """

    document: str
    excerpt: str
    question: str
    answer: str
    kind: str


def pairs(documents: Iterable[Document], seed: int = 0) -> list[Pair]:
    """What can be asked about pages, page by page; ``seed`` draws the wording.

    About one question in nine is of another page: neither its subject nor its answer stands here.
    (There is none if there is one page only.) ``CourseError`` when no page gives a question.
    """
    draw, made = random.Random(seed), []
    pages = [(d.id, part, list(facts(part))) for d in documents for part in excerpts(d)]
    everything = [(page, *fact) for page, _, own in pages for fact in own]
    if not everything:
        raise CourseError("No page gave a question: give pages of text with sentences or tables.")
    for page, excerpt, own in pages:
        others = draw.sample(everything, min(len(everything), 50))
        strange = [
            (kind, subject, REFUSAL)
            for other, kind, subject, answer in others
            if other != page and subject[-1] not in excerpt and answer not in excerpt
        ]
        wanted = round(UNANSWERABLE * len(own) + draw.uniform(-0.5, 0.5))
        for kind, subject, answer in [*own, *strange[:wanted]]:
            usual = FORMS["kinds"][kind]
            forms = FORMS["columns"].get("|".join(subject[:-1]).lower(), usual)
            question = draw.choice(forms).format(*reversed(subject))
            made.append(Pair(page, plain(excerpt), plain(question), plain(answer), kind))
    return made


def plain(text: str) -> str:
    """Without Markdown's stars and links."""
    return re.sub(r"\*+|\[([^]\n]*)\]\([^)\n]*\)", r"\1", text).strip()


def excerpts(document: Document) -> Iterator[str]:
    """A page in parts of about 150 tokens, each below its title."""
    text, meta = document.text, document.meta
    if front := re.match(r"---\n(.*?\n)---\n", text, re.S):
        text, meta = text[front.end() :], dict(re.findall(r"^(\w+): *(.+)$", front[1], re.M))
    text = re.sub(r"^([^\s|].*)\n([*=~^-])\2{2,}$", r"# \1", text, flags=re.M)
    if head := re.match(r"\s*# (.+)\n", text):
        text = text[head.end() :]
    title = meta.get("title") or (head[1] if head else Path(document.id).stem)
    top = [f"{k.title()}: {meta[k]}" for k in ("owner", "updated") if k in meta]
    for part in parts([text], max(80, EXCERPT * len(text) // max(1, num_bytes(text)))):
        yield "\n".join([f"Title: {title}", *top, "", part.strip()])
        top = []  # these stand in the first part only


def facts(excerpt: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Kind, what is asked about (of a table's cell: two column heads, then its row), answer."""
    top, _, body = excerpt.partition("\n\n")
    (_, _, title), *more = (line.partition(": ") for line in top.splitlines())
    found = [(key.lower(), (title,), value) for key, _, value in more]
    for table in TABLE.findall(body):
        heads, _, *lines = ([c.strip() for c in li[1:-1].split("|")] for li in table.splitlines())
        for row in lines:
            cells = zip(heads[1:], row[1:], strict=False)
            found += [("cell", (heads[0], head, row[0]), cell) for head, cell in cells]
    prose = [" ".join(text.split()) for text in PROSE.findall(body)]
    bare_page = not any(kind == "cell" for kind, *_ in found)
    sections = SECTION.findall(body) or [("#", title, text) for text in prose[:1] if bare_page]
    for heading, name, text in sections:
        kind = "faq" if name[-1] in "?？" else "section"
        whole = text if heading or name[-1] in ".:" or text[0] != " " else name + text
        found.append((kind, (name.strip(".: "),), first_sentence(whole)))
    for text in map(first_sentence, map(plain, prose)):
        if number := NUMBER.search(text):
            gap = f"{text[: number.start()]}___{text[number.end() :]}"
            found.append(("number", (gap,), number[0]))
    for kind, subject, answer in found:
        if len(answer) <= LONGEST and re.search(r"\w", answer) and re.search(r"\w", subject[-1]):
            yield kind, subject, answer


def first_sentence(text: str) -> str:
    text = " ".join(re.sub(rf"^\s*{ITEM}", "", text).split()) + " "
    end = re.search(SENTENCE_END, text)
    return text[: end.end() if end else None].strip()


def conversation(asked: Sequence[Pair], page: bool = True, answers: bool = False) -> list[dict]:
    """Questions about one excerpt as turns of a chat; the excerpt stands before the first one."""
    turns = [{"role": "system", "content": SYSTEM}]
    for n, pair in enumerate(asked):
        above = f"{pair.excerpt}\n\n" if page and n == 0 else ""
        turns.append({"role": "user", "content": above + pair.question})
        turns += [{"role": "assistant", "content": pair.answer}] if answers else []
    return turns


def rows(asked: Iterable[Pair], tokenizer: Any, seed: int = 0) -> list[Example]:
    """Chats of an excerpt and up to 8 questions with answers, in random order, cut at 512 tokens.

    Learned are the answers and the end mark behind each. The rest has the label −100.
    """
    draw, made = random.Random(seed), []
    for _, group in groupby(asked, key=lambda pair: pair[:2]):
        several = draw.sample(own := list(group), len(own))
        size = -(-len(own) // -(-len(own) // 8))  # 9 questions: 5 and 4, not 8 and 1
        for start in range(0, len(own), size):
            example = encode(conversation(several[start : start + size], answers=True), tokenizer)
            made.append({key: ids[:512] for key, ids in example.items()})
    return draw.sample(learned := [row for row in made if max(row["labels"]) >= 0], len(learned))


def encode(turns: Sequence[dict], tokenizer: Any) -> Example:
    """A chat as tokens. The template's marks are special, what people wrote is text."""
    parts = encode_turns(turns, tokenizer)
    ids, labels = parts[0], [IGNORE_INDEX] * len(parts[0])
    for turn, text, marks in zip(turns, parts[1::2], parts[2::2], strict=True):
        said = [*text, *marks]
        end = len(text) + 1 if turn["role"] == "assistant" else 0
        ids, labels = ids + said, labels + said[:end] + [IGNORE_INDEX] * (len(said) - end)
    return {"input_ids": ids, "labels": labels}


def sft(
    base: Base, training: list[Example], held_out: list[Example], folder: Path, **options: Any
) -> FinetuneResult:
    """An adapter on the upper half of the layers: no gradient has to go further down.

    options   of ``FinetuneConfig``, ``max_steps`` among them
    """
    upper = {"target_modules": tuple(base.layers[len(base.layers) // 2 :])}
    config = FinetuneConfig(**SETTINGS | upper | {"eval_steps": options["max_steps"]} | options)
    result = fine_tune(base, training, held_out, config, folder)
    give_memory_back()
    return result


def evaluate_answers(
    model: Any, tokenizer: Any, asked: Sequence[Pair], page: bool = True
) -> tuple[list[str], dict[str, list[bool]]]:
    """The replies, greedy, and what holds of each; ``page`` False: from memory, closed-book.

    exact                        the answer and no more, where the page answers
    refused rightly, wrongly     "The page does not say." where that is so, and where it is not
    """
    lengths = [len(encode_text(pair.answer, tokenizer)) for pair in asked]
    order, replies = sorted(range(len(asked)), key=lengths.__getitem__), {}
    for places in (order[start : start + 16] for start in range(0, len(order), 16)):
        chats, longest = [conversation([asked[n]], page) for n in places], lengths[places[-1]] + 10
        said = chat(model, tokenizer, chats, longest, GREEDY, show=False)
        replies |= zip(places, said, strict=True)
    said = [replies[n] for n in range(len(asked))]
    both = [(bare(pair.answer), bare(reply)) for pair, reply in zip(asked, said, strict=True)]
    no = bare(REFUSAL)
    known = [(answer, reply) for answer, reply in both if answer != no]
    return said, {
        "exact": [answer == reply for answer, reply in known],
        "refused rightly": [no in reply for answer, reply in both if answer == no],
        "refused wrongly": [no in reply for _, reply in known],
    }


def bare(text: str) -> str:
    """Small letters and single blanks, without quotes around it or a full stop behind."""
    return " ".join(text.casefold().split()).strip(" .\"'“”")
