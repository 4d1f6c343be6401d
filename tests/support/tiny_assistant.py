"""Llamas of random weights that answer in a millisecond; a tokenizer whose tokens are bytes."""

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from course_lib.transformer.bpe import CHARACTER

START, END = "<|im_start|>", "<|im_end|>"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_assistant(seed: int = 0, length: int = 256) -> tuple[Any, Any]:
    """Model and tokenizer. ``length``: of the context, in tokens."""
    letters = {letter: byte for byte, letter in CHARACTER.items()} | {END: 256, START: 257}
    plain = Tokenizer(models.BPE(letters, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token=END, pad_token=START)
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(seed)
    shape = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, vocab_size=258)
    shape |= dict(num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=length)
    return LlamaForCausalLM(LlamaConfig(**shape, eos_token_id=256)).eval(), tokenizer


def random_llama(vocab_size: int, seed: int = 0, std: float = 0.3, **more: Any) -> LlamaForCausalLM:
    """Weights so large that answers differ from place to place; ``more`` is for LlamaConfig."""
    torch.manual_seed(seed)
    shape = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
    shape |= dict(num_key_value_heads=2, max_position_embeddings=160, eos_token_id=None)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=vocab_size, **shape | more)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return model
