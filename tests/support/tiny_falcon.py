"""A Falcon as small as possible, made and taught for a few seconds."""

from pathlib import Path

import torch
from transformers import FalconConfig, FalconForCausalLM, PreTrainedTokenizerFast

from course_lib.transformer.bpe import END_OF_TEXT, BPETokenizer
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.evaluate import get_batch

SPECIAL = (END_OF_TEXT, "<|padding|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|endoftext|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# The rest is as FalconConfig has it, which is Falcon-7B: one key head, no bias, no ALiBi.
SHAPE = dict(hidden_size=128, num_hidden_layers=2, num_attention_heads=4)
SHAPE |= dict(max_position_embeddings=128, bos_token_id=0, eos_token_id=0, pad_token_id=1)


def handbook() -> list[str]:
    return list(load_corpus("handbook").texts())


def save_falcon(folder: Path, steps: int = 0, **shape: object) -> Path:
    """Configuration, weights (fp32), tokenizer. ``steps`` of ordinary training on the handbook."""
    texts = handbook()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = BPETokenizer.train(texts, 384, SPECIAL)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.to_tokenizers(),
        eos_token=END_OF_TEXT,
        bos_token=END_OF_TEXT,
        pad_token=SPECIAL[1],
        additional_special_tokens=list(SPECIAL[2:]),
        model_max_length=128,
        padding_side="left",
    )
    fast.chat_template = CHAT_TEMPLATE
    torch.manual_seed(0)
    model = FalconForCausalLM(FalconConfig(**{**SHAPE, "vocab_size": len(tokenizer), **shape}))
    stream = [token_id for text in texts for token_id in [0, *tokenizer.encode(text)]]
    teach(model, torch.tensor(stream), steps)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def teach(model: FalconForCausalLM, stream: torch.Tensor, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        rows = get_batch(stream, 64, 8, generator)
        optimizer.zero_grad()
        model(rows, labels=rows).loss.backward()
        optimizer.step()
