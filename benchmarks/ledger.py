"""What we wrote beside its industrial counterpart: the largest difference, and our lines.

    python benchmarks/ledger.py

measures every row anew, prints the table and writes it into the README; a test holds both.
"""

import random
import re
import tempfile
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from course_lib.embeddings.objective import skip_gram_gradients, skip_gram_likelihood, weight_table
from course_lib.embeddings.vectors import WordVectors
from course_lib.finetuning.falcon import has_bitsandbytes
from course_lib.finetuning.lora import LoRALinear
from course_lib.finetuning.nf4 import dequantize, quantize
from course_lib.places import REPOSITORY
from course_lib.prompting.constrained import Constraint, json_schema
from course_lib.serving.engine import Engine
from course_lib.transformer.bpe import BPETokenizer
from course_lib.transformer.convert import from_falcon, from_gpt2, from_llama
from course_lib.transformer.sampling import SamplingParams, distribution
from course_lib.workbook.corpus import load_corpus
from course_lib.workbook.models import load_model

README = REPOSITORY / "README.md"
BEGIN, END = "<!-- ledger: renewed by benchmarks/ledger.py -->", "<!-- /ledger -->"


@dataclass(frozen=True)
class Row:
    """One comparison. ``most`` is the largest difference that may be."""

    modules: tuple[str, ...]
    counterpart: str
    compared: str
    most: float
    measure: Callable[[], float]

    @property
    def lines(self) -> int:
        """Lines of the modules, with their docstrings."""
        files = (REPOSITORY / "course_lib" / f"{name}.py" for name in self.modules)
        return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def shaken(model: torch.nn.Module) -> torch.nn.Module:
    """Random weights everywhere, so that norms and biases count, too."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


@torch.no_grad()
def logits_apart(theirs: torch.nn.Module, ours: torch.nn.Module) -> float:
    ids = torch.randint(0, 90, (4, 30), generator=torch.Generator().manual_seed(1))
    return float((ours(ids) - theirs(ids).logits).abs().max())


def gpt2() -> float:
    from transformers import GPT2Config, GPT2LMHeadModel

    theirs = shaken(
        GPT2LMHeadModel(GPT2Config(vocab_size=97, n_positions=64, n_embd=64, n_layer=4, n_head=4))
    )
    return logits_apart(theirs, from_gpt2(theirs))


def falcon(new: bool) -> float:
    from transformers import FalconConfig, FalconForCausalLM

    shape = {
        "vocab_size": 97,
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_kv_heads": 2,
    }
    theirs = shaken(
        FalconForCausalLM(
            FalconConfig(**shape, new_decoder_architecture=new, alibi=False, bias=False)
        )
    )
    return logits_apart(theirs, from_falcon(theirs))


def llama() -> float:
    """Several heads share one of keys, the MLP has a gate, and the norms are RMSNorm."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=97,
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=150,
        tie_word_embeddings=True,
    )
    theirs = shaken(LlamaForCausalLM(config))
    return logits_apart(theirs, from_llama(theirs))


def token_ids() -> float:
    """Texts of the built-in corpora that get other numbers: how many."""
    from tokenizers import Tokenizer

    texts = [*load_corpus("handbook").texts(), *load_corpus("songbook").texts()]
    ours = BPETokenizer.train(texts, 2_000)
    with tempfile.TemporaryDirectory() as folder:
        ours.save(Path(folder) / "tokenizer.json")
        theirs = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    return float(sum(ours.encode(text) != theirs.encode(text).ids for text in texts))


def probabilities() -> float:
    from transformers import (
        MinPLogitsWarper,
        RepetitionPenaltyLogitsProcessor,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(50, 200, generator=generator)
    seen = torch.randint(0, 200, (50, 20), generator=generator)
    theirs = RepetitionPenaltyLogitsProcessor(1.2)(seen, logits.clone()) / 0.8
    for warper in (TopKLogitsWarper(40), TopPLogitsWarper(0.9), MinPLogitsWarper(0.05)):
        theirs = warper(seen, theirs)
    ours = distribution(logits, SamplingParams(0.8, 40, 0.9, 0.05, 1.2), seen)
    return float((ours - theirs.softmax(-1)).abs().max())


def vector_files() -> float:
    """Vectors through the text format, read by gensim."""
    from gensim.models import KeyedVectors

    matrix = torch.randn(50, 20, generator=torch.Generator().manual_seed(0)).numpy()
    with tempfile.TemporaryDirectory() as folder:
        WordVectors([f"w{n}" for n in range(50)], matrix).save(Path(folder) / "vectors.txt")
        theirs = KeyedVectors.load_word2vec_format(str(Path(folder) / "vectors.txt"))
    return float(abs(theirs.vectors - matrix).max())


def gradients() -> float:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    weights = weight_table(5, 5).double().view(16, 6, 6, -1)[:, 3, 2][None]
    sides = drawn(1, 16, 30), drawn(1, weights.shape[2], 30)
    leaves = [side.clone().requires_grad_() for side in sides]
    skip_gram_likelihood(*leaves, weights).backward()
    ours = skip_gram_gradients(*sides, weights)
    return max(float((a - b.grad).abs().max()) for a, b in zip(ours, leaves, strict=True))


def lora() -> float:
    """A layer and its adapter: outputs, gradients, merged weights."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    ours = LoRALinear(torch.nn.Linear(48, 80), r=8, lora_alpha=12)
    layer = torch.nn.Linear(48, 80)
    layer.load_state_dict(ours.base_layer.state_dict())
    config = LoraConfig(r=8, lora_alpha=12, target_modules=["layer"])
    theirs = get_peft_model(torch.nn.ModuleDict({"layer": layer}), config).base_model.model["layer"]
    pairs = [
        (ours.lora_A, theirs.lora_A["default"].weight),
        (ours.lora_B, theirs.lora_B["default"].weight),
    ]
    with torch.no_grad():
        for own, other in pairs:
            other.copy_(torch.nn.init.normal_(own, std=0.1))
    x, target = torch.randn(7, 48), torch.randn(7, 80)
    results = [side(x) for side in (ours, theirs)]
    for result in results:
        (result * target).sum().backward()
    compared = [results, *([own.grad, other.grad] for own, other in pairs)]
    merged = ours.base_layer.weight + ours.get_delta_weight()
    theirs.merge()
    compared.append([merged, theirs.base_layer.weight])
    return max(float((a - b).detach().abs().max()) for a, b in compared)


def four_bits() -> float:
    """Bytes and dequantised values that differ: how many, in fp32 and in 16 bits."""
    if not has_bitsandbytes():
        raise unittest.SkipTest("bitsandbytes is not installed here")
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    wrong = 0
    for number, dtype in enumerate((torch.float32, torch.bfloat16, torch.float16)):
        values = (0.03 * torch.randn(300, 640, generator=torch.Generator().manual_seed(number))).to(
            dtype
        )
        packed, state = quantize_4bit(values, blocksize=64, quant_type="nf4")
        ours = quantize(values)
        wrong += int((ours.packed != packed[:, 0]).sum())
        wrong += int((dequantize(ours) != dequantize_4bit(packed, state)).sum())
    return float(wrong)


def masks() -> float:
    """Tokens that only one of both allows next, in random texts of schemas."""
    from prompting import SCHEMAS, their_matcher, walk

    tokenizer = load_model("mini-falcon")[1]
    matcher, draw, wrong = their_matcher(tokenizer), random.Random(0), 0
    for name in [
        n for n in SCHEMAS if n != "decimal"
    ]:  # there llguidance refuses valid zeros at the end
        ours = Constraint(json_schema(SCHEMAS[name]), tokenizer)
        wrong += sum(int((a != b).sum()) for a, b, *_ in walk(ours, matcher(SCHEMAS[name]), draw))
    return float(wrong)


def served() -> float:
    """Tokens of a batch that differ from those which each request gets alone, in fp32."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = load_model("mini-falcon")[1]
    shape = dict(vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96)
    shape |= dict(num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    model = shaken(LlamaForCausalLM(LlamaConfig(**shape, eos_token_id=None, bos_token_id=None)))
    draw, wrong = random.Random(0), 0
    prompts = [[draw.randrange(1, len(tokenizer)) for _ in range(3 + 11 * n)] for n in range(8)]
    engine = Engine(model, tokenizer, max_batch_size=6, prefill_chunk=16)
    engine.ends = set()
    requests = [engine.submit(prompt, 12) for prompt in prompts]
    while engine.step():
        pass
    for prompt, request in zip(prompts, requests, strict=True):
        options = dict(max_new_tokens=12, do_sample=False, pad_token_id=0)
        alone = model.generate(torch.tensor([prompt]), **options)[0, len(prompt) :].tolist()
        wrong += sum(a != b for a, b in zip(alone, request.tokens, strict=True))
    return float(wrong)


MODEL = ("transformer/attention", "transformer/model")
ROWS = (
    Row(
        ("embeddings/objective",),
        "torch's autograd",
        "gradients of skip-gram, float64",
        1e-10,
        gradients,
    ),
    Row(
        ("embeddings/vectors",),
        "gensim's KeyedVectors",
        "vectors in a file, read back",
        0.0,
        vector_files,
    ),
    Row(("transformer/bpe",), "tokenizers", "texts with other token numbers", 0.0, token_ids),
    Row(MODEL, "transformers' GPT-2", "logits of the same weights", 1e-4, gpt2),
    Row(MODEL, "transformers' Falcon", "logits, old architecture", 1e-4, lambda: falcon(new=False)),
    Row(MODEL, "transformers' Falcon", "logits, new architecture", 1e-4, lambda: falcon(new=True)),
    Row(MODEL, "transformers' Llama", "logits of the same weights", 1e-4, llama),
    Row(
        ("transformer/sampling",),
        "transformers' logits processors",
        "probabilities",
        1e-6,
        probabilities,
    ),
    Row(("finetuning/lora",), "peft", "outputs, gradients, merged weights", 1e-4, lora),
    Row(("finetuning/nf4",), "bitsandbytes", "bytes and values of NF4 that differ", 0.0, four_bits),
    Row(("prompting/constrained",), "llguidance", "tokens that only one allows", 0.0, masks),
    Row(
        ("serving/engine", "serving/slots"),
        "transformers' generate",
        "tokens of a batch that differ",
        0.0,
        served,
    ),
)


def table() -> str:
    """The README's table. A difference is shown as its bound: its last digits vary by machine."""
    rows = [
        "| ours, in `course_lib/` | its counterpart | what is compared "
        "| largest difference | our lines |",
        "|---|---|---|---|---|",
    ]
    for row in ROWS:
        names = ", ".join(f"`{name}.py`" for name in row.modules)
        bound = "none" if row.most == 0 else f"below {row.most:.0e}"
        rows.append(f"| {names} | {row.counterpart} | {row.compared} | {bound} | {row.lines} |")
    return "\n".join(rows)


def main() -> None:
    for row in ROWS:
        found = row.measure()
        print(
            f"{' + '.join(row.modules):42} {row.counterpart:32} {found:.2e} "
            f"(at most {row.most:.0e}), {row.lines} lines"
        )
        if found > row.most:
            raise SystemExit("That is too much: the README was not changed.")
    text = README.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    README.write_text(
        pattern.sub(lambda _: f"{BEGIN}\n\n{table()}\n\n{END}", text), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
