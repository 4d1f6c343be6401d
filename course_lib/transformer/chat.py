"""A conversation with a model that has read many, each turn between marks: its *template*.

SmolLM2's are ``<|im_start|>role … <|im_end|>``. It answers a text that ends where the assistant's
turn begins, and is done when it writes the end of the turn.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import GenerationConfig, TextStreamer

from course_lib.errors import CourseError
from course_lib.transformer.model import MiniGPT
from course_lib.transformer.sampling import (
    SamplingParams,
    draw,
    generate_batch,
    pad_left,
    row_generators,
)
from course_lib.transformer.turns import encode_turns
from course_lib.workbook import settings

FACTS = SamplingParams(temperature=0.0, repetition_penalty=1.1)
VERSE = SamplingParams(temperature=0.8, top_k=40, top_p=0.9)


def chat(
    model: Any,
    tokenizer: Any,
    messages: Sequence,
    max_new_tokens: int = 120,
    params: SamplingParams = FACTS,
    *,
    seed: int = 0,
    show: bool = True,
    constraint: Any = None,
) -> str | list[str]:
    """The assistant's next turn; a single one is shown as it comes, unless ``show`` is False.

    model      one of transformers', or a ``MiniGPT``; the tokenizer is transformers'
    messages   turns ``{"role": …, "content": …}`` of a system, user or assistant; or several such
               conversations, answered in one batch, each as if it were alone with ``seed`` + its
               place. SmolLM2's template begins with 21 tokens of its own if no system does.
    params     The likeliest token, always, sends a small model round in circles: what it has said
               becomes likelier with each time. ``FACTS`` is greedy, but what it said counts less
               (1.1; at 1.3 even "the" is avoided and sentences break). ``VERSE`` draws among the
               likeliest, where no answer is the right one.
    constraint What the reply must look like (``prompting.constrained.Constraint``). What it does
               not allow is out before ``params`` choose; the end comes only where it may.

    Raises ``CourseError`` for what is no conversation, for too long a one, and without a template.
    """
    several = bool(messages) and not isinstance(messages[0], dict)
    prompts = [read_talk(tokenizer, one) for one in (messages if several else [messages])]
    ours, longest = isinstance(model, MiniGPT), max(map(len, prompts))
    context = model.config.block_size if ours else model.config.max_position_embeddings
    if longest >= context:
        raise CourseError(
            f"The conversation has {longest:,} tokens and the model reads {context:,}: shorten it."
        )
    watched = show and not several and not settings.headless()
    page = TextStreamer(tokenizer, not ours, skip_special_tokens=True) if watched else None
    number, end = min(max_new_tokens, context - longest), tokenizer.eos_token_id
    rows = (_ours if ours else _theirs)(model, prompts, number, params, end, seed, page, constraint)
    said = [row[: [*row, end].index(end)] for row in rows]
    replies = tokenizer.batch_decode(said, skip_special_tokens=True)
    if show and not several and not watched:
        print(replies[0])
    return replies if several else replies[0]


def read_talk(tokenizer: Any, messages: Sequence[dict]) -> list[int]:
    """A conversation as tokens, up to where the assistant begins."""
    for turn in messages or [{}]:
        known = turn.get("role") in ("system", "user", "assistant")
        if not known or not isinstance(turn.get("content"), str):
            raise CourseError(
                f"{turn} is no turn of a conversation: it needs a role (system, user or assistant) "
                'and text, as in [{"role": "user", "content": "Hello"}].'
            )
    return sum(encode_turns(messages, tokenizer, True), [])


def _ours(model, prompts, number, params, end, seed, page, constraint) -> list[list[int]]:
    """The new tokens of each row, by our own loop."""
    steps = [torch.empty(len(prompts), 0, dtype=torch.long)]
    options = dict(eos_token_id=end, seed=seed, constraint=constraint)
    for tokens in generate_batch(model, prompts, number, params, **options):
        steps.append(tokens[:, None])
        if page:
            page.put(tokens)
    if page:
        page.end()
    return torch.cat(steps, 1).tolist()


def _theirs(model, prompts, number, params, end, seed, page, constraint) -> list[list[int]]:
    """The same by transformers' loop. It takes the likeliest, and ours draws what that is."""
    ids, mask = (part.to(model.device) for part in pad_left(prompts))
    generators = row_generators(len(ids), seed)

    def only_the_drawn(seen: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        scores, written = logits.float().cpu(), seen[:, ids.shape[1] :].cpu()
        drawn = draw(scores, params, written, generators, constraint)
        return torch.zeros_like(logits).scatter(1, drawn.to(logits.device), 1.0)

    options = dict(do_sample=False, repetition_penalty=1.0, eos_token_id=end, pad_token_id=end)
    written = model.generate(
        input_ids=ids,
        attention_mask=mask,
        generation_config=GenerationConfig(max_new_tokens=number, **options),
        logits_processor=[only_the_drawn],
        streamer=page,
    )
    return written[:, ids.shape[1] :].tolist()
