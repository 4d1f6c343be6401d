"""Both ways to four bits."""

from pathlib import Path
from types import ModuleType

import pytest
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM


@pytest.fixture(scope="session")
def tiny_llama(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of SmolLM2's kind that knows nothing, with the tiny Falcon's tokenizer."""
    folder, tokenizer = tmp_path_factory.mktemp("llama"), AutoTokenizer.from_pretrained(tiny)
    shape = dict(hidden_size=128, intermediate_size=192, num_hidden_layers=2)
    shape |= dict(num_attention_heads=4, num_key_value_heads=2, eos_token_id=0, bos_token_id=0)
    shape |= dict(vocab_size=len(tokenizer), tie_word_embeddings=True)
    LlamaForCausalLM(LlamaConfig(**shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def bnb() -> ModuleType:
    return pytest.importorskip("bitsandbytes").functional


@pytest.fixture(params=["bitsandbytes", "course"])
def use_bitsandbytes(request) -> bool:
    return request.param == "bitsandbytes" and bool(request.getfixturevalue("bnb"))
