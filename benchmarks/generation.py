"""Our generation loop against transformers' ``generate``, on SmolLM2, greedily and with a cache.

    python benchmarks/generation.py [--rounds 3] [--tokens 48]

The same weights and number type in both, the same prompts (pages of our handbook, of different
lengths, so that the batch of 16 is padded on the left), no end before the last token. In fp32 both
must write the same tokens, else their times mean nothing. The two run in turn; the fastest of the
rounds counts. Writes ``benchmarks/results/generation.json``, a graphics card's results beside a
processor's.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

from course_lib.workbook import machine

machine.set_thread_policy()

import torch  # noqa: E402
import transformers  # noqa: E402

from course_lib.transformer.convert import from_llama  # noqa: E402
from course_lib.transformer.sampling import generate_batch, pad_left  # noqa: E402
from course_lib.workbook.corpus import load_corpus  # noqa: E402
from course_lib.workbook.models import load_model  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "generation.json"
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def compare(dtype: torch.dtype, batch: int, number: int, rounds: int) -> dict:
    """Tokens a second of both, and ours as a multiple of theirs."""
    theirs, tokenizer = load_model("smollm2", dtype=dtype)
    theirs, ours = theirs.to(DEVICE), from_llama(theirs).to(DEVICE)
    pages = list(load_corpus("handbook").texts())[:batch]
    prompts = [tokenizer(page).input_ids[: 96 - row] for row, page in enumerate(pages)]
    ids, mask = (part.to(DEVICE) for part in pad_left(prompts))

    def ours_writes() -> list[list[int]]:
        return torch.stack(list(generate_batch(ours, prompts, number)), 1).tolist()

    def theirs_writes() -> list[list[int]]:
        options = dict(max_new_tokens=number, min_new_tokens=number, do_sample=False)
        return theirs.generate(ids, attention_mask=mask, **options)[:, ids.shape[1] :].tolist()

    theirs.generation_config.eos_token_id = None  # both write to the end
    best, written = {"ours": float("inf"), "transformers": float("inf")}, {}
    for _ in range(rounds + 1):  # the first is to warm up, and is never the fastest
        for name, write in (("ours", ours_writes), ("transformers", theirs_writes)):
            start = time.perf_counter()
            written[name] = write()
            best[name] = min(best[name], time.perf_counter() - start)
    if dtype == torch.float32 and written["ours"] != written["transformers"]:
        raise SystemExit("The two write different tokens: their times mean nothing.")
    speed = {name: round(number * batch / seconds, 1) for name, seconds in best.items()}
    ratio = round(best["transformers"] / best["ours"], 2)
    return {"tokens a second": speed, "ratio": ratio}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=48)
    asked = parser.parse_args()
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    known[DEVICE.type] = facts = {
        "command": f"python benchmarks/generation.py --rounds {asked.rounds} "
        f"--tokens {asked.tokens}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": torch.cuda.get_device_name()
        if DEVICE.type == "cuda"
        else f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "versions": {module.__name__: module.__version__ for module in (torch, transformers)},
    }
    for dtype in (torch.float32, torch.bfloat16):
        for batch, name in ((1, "single"), (16, "batch of 16")):
            found = compare(dtype, batch, asked.tokens, asked.rounds)
            facts[f"{str(dtype).removeprefix('torch.')}, {name}"] = found
    print(json.dumps(facts, indent=1))
    RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
