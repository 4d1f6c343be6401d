"""Our transformer package against the usual libraries: training, writing, and byte-pair encoding.

    python benchmarks/transformer.py [--rounds 3]

Training: tokens a second, forward and backward, of ``MiniGPT`` and of ``GPT2LMHeadModel`` of the
same shape, and the share of the machine's measured matrix product that ours reaches. Writing:
tokens a second with a cache, against ``generate``, on mini-falcon. Both on a graphics card where
there is one. Byte-pair encoding: learning 4,096 tokens from 2 MB, and encoding them, against
``tokenizers``, whose merges and ids must be the same. Learning takes us longer because ours is
plain Python and theirs compiled. Encoding does not: most words were cut before and are looked up,
by both, and what is left is handing over the answer. Ours is a list of ids; theirs has name, place
and marks of every token, too (``encode_batch_fast``, which leaves the places out, is timed as
well). The two of each comparison run in turn; the fastest of the rounds counts. Writes
``benchmarks/results/transformer.json``, a card's results beside a processor's.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from course_lib.workbook import machine

machine.set_thread_policy()

import tokenizers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402
from torch import nn  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel  # noqa: E402

from course_lib.transformer.bpe import END_OF_TEXT, BPETokenizer  # noqa: E402
from course_lib.transformer.convert import from_falcon, from_gpt2  # noqa: E402
from course_lib.transformer.sampling import generate  # noqa: E402
from course_lib.transformer.scaling import parameter_count  # noqa: E402
from course_lib.workbook.corpus import load_corpus  # noqa: E402
from course_lib.workbook.evaluate import next_token_loss  # noqa: E402
from course_lib.workbook.models import load_model  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "transformer.json"
SHAPES = {
    "width 128, 4 layers": {
        "n_embd": 128,
        "n_layer": 4,
        "n_head": 4,
        "n_positions": 256,
        "vocab_size": 2_048,
    },
    "width 256, 6 layers": {
        "n_embd": 256,
        "n_layer": 6,
        "n_head": 4,
        "n_positions": 256,
        "vocab_size": 4_096,
    },
}


DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fastest(methods: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Seconds of each method's fastest round; they run in turn, after one that does not count."""
    best = dict.fromkeys(methods, float("inf"))
    for number in range(rounds + 1):
        for name, run in methods.items():
            start = time.perf_counter()
            run()
            if DEVICE.type == "cuda":
                torch.cuda.synchronize()
            if number:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def flops_a_second() -> float:
    """What a large product of float32 matrices reaches here."""
    a, b = torch.randn(2, 1_536, 1_536, device=DEVICE)
    return 2 * 1_536**3 / fastest({"product": lambda: a @ b}, 5)["product"]


def training(shape: dict, rounds: int, batch: int = 8, steps: int = 5) -> dict:
    config = GPT2Config(
        **shape, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0
    )
    theirs = GPT2LMHeadModel(config).to(DEVICE).train()
    ours = from_gpt2(theirs).to(DEVICE).train()
    ids = torch.randint(0, shape["vocab_size"], (batch, shape["n_positions"]), device=DEVICE)

    def steps_of(model: nn.Module, loss: Callable[[], torch.Tensor]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(steps):
                model.zero_grad(set_to_none=True)
                loss().backward()

        return run

    seconds = fastest(
        {
            "ours": steps_of(ours, lambda: next_token_loss(ours, ids)),
            "transformers": steps_of(theirs, lambda: theirs(ids, labels=ids).loss),
        },
        rounds,
    )
    tokens = steps * ids.numel()
    speed = {name: round(tokens / value) for name, value in seconds.items()}
    used = 6 * parameter_count(ours.config).total * speed["ours"] / flops_a_second()
    return {
        "tokens a second": speed,
        "ratio": round(speed["ours"] / speed["transformers"], 2),
        "utilisation": round(used, 2),
    }


def writing(rounds: int, number: int = 200) -> dict:
    theirs, _ = load_model("mini-falcon", dtype=torch.float32)
    theirs.generation_config.eos_token_id = None  # both write to the end
    theirs, start = theirs.to(DEVICE), list(range(10, 42))
    ours = from_falcon(theirs).to(DEVICE)

    def theirs_writes() -> None:
        theirs.generate(
            torch.tensor([start], device=DEVICE),
            max_new_tokens=number,
            do_sample=False,
            attention_mask=torch.ones(1, len(start), dtype=torch.long, device=DEVICE),
        )

    seconds = fastest(
        {"ours": lambda: list(generate(ours, start, number)), "transformers": theirs_writes}, rounds
    )
    speed = {name: round(number / value) for name, value in seconds.items()}
    return {"tokens a second": speed, "ratio": round(speed["ours"] / speed["transformers"], 2)}


def encoding(rounds: int) -> dict:
    texts = list(load_corpus("python-docs").sample(2_000_000).texts())

    def theirs_learns() -> Tokenizer:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=4_096,
            min_frequency=2,
            special_tokens=[END_OF_TEXT],
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        )
        tokenizer.train_from_iterator(texts, trainer)
        return tokenizer

    ours, theirs = BPETokenizer.train(texts, 4_096), theirs_learns()
    learn = fastest(
        {"ours": lambda: BPETokenizer.train(texts, 4_096), "tokenizers": theirs_learns}, rounds
    )

    def ours_encodes() -> None:
        fresh = BPETokenizer(ours.merges)  # nothing remembered yet
        for text in texts:
            fresh.encode(text)

    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread, as ours
    encode = fastest(
        {
            "ours": ours_encodes,
            "tokenizers": lambda: [theirs.encode(text) for text in texts],
            "tokenizers, without places": lambda: theirs.encode_batch_fast(texts),
        },
        rounds,
    )
    merges = json.loads(ours.to_tokenizers().to_str())["model"]["merges"]
    same = merges == json.loads(theirs.to_str())["model"]["merges"]
    if not same or any(theirs.encode(text).ids != ours.encode(text) for text in texts):
        raise SystemExit("The two tokenizers differ: their times mean nothing.")
    return {
        name: {
            "seconds": {key: round(value, 2) for key, value in found.items()},
            "times as long": round(found["ours"] / found["tokenizers"], 1),
        }
        for name, found in (("learning", learn), ("encoding", encode))
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    known[DEVICE.type] = facts = {
        "command": f"python benchmarks/transformer.py --rounds {rounds}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": torch.cuda.get_device_name()
        if DEVICE.type == "cuda"
        else f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {
            module.__name__: module.__version__ for module in (torch, transformers, tokenizers)
        },
        "training": {name: training(shape, rounds) for name, shape in SHAPES.items()},
        "writing": writing(rounds),
        "byte-pair encoding": encoding(rounds),
    }
    print(json.dumps(facts, indent=1))
    RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
