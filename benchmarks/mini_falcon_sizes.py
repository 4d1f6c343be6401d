"""Which size should mini-falcon have? Held-out loss of several sizes at equal operations.

    python benchmarks/mini_falcon_sizes.py [--steps 80 240] [--shapes 192x9 256x6 256x8 320x6]

Each size is trained from nothing by ``assets/models/train_mini_falcon.py`` (same data, batches,
learning rate and schedule), once for each number in ``--steps``: that many steps of the shape
``REFERENCE``, and of another shape as many as cost the same operations: 6 a parameter and token,
and 6 a layer, width and token looked at (attention under the causal mask). Two budgets show how
the best size moves as the budget grows. Interrupted, it goes on where it stopped. Writes
``benchmarks/results/mini_falcon_sizes.json``.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HOME = Path(__file__).parents[1]
sys.path[:0] = [str(HOME), str(HOME / "assets" / "models")]

from train_mini_falcon import BATCH, LENGTH, configuration  # noqa: E402

from course_lib.transformer.convert import config_of  # noqa: E402
from course_lib.transformer.scaling import parameter_count  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "mini_falcon_sizes.json"
SCRIPT = HOME / "assets" / "models" / "train_mini_falcon.py"
REFERENCE = (256, 8)
TOKENS = ("tokenizer.json", "train.npy", "prose.npy", "held_out.npy", "data.json", "held_out.json")


def parameters(width: int, layers: int) -> int:
    """The model's weights; the embedding, which is the last layer too, counts once."""
    return parameter_count(config_of(configuration(width, layers))).total


def operations(width: int, layers: int) -> int:
    """Of one step: forward and backward."""
    return BATCH * LENGTH * (6 * parameters(width, layers) + 6 * layers * width * LENGTH)


def trained(width: int, layers: int, steps: int, prepared: Path, work: Path) -> dict:
    """One run of the training script, from its folder if it is there already."""
    folder = work / f"{width}x{layers}-{steps}"
    out = folder / "model"
    if not (out / "training.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name in TOKENS:
            if (prepared / name).is_file() and not (folder / name).exists():
                shutil.copyfile(prepared / name, folder / name)
        sizes = ["--width", str(width), "--layers", str(layers), "--steps", str(steps)]
        subprocess.run(
            [sys.executable, SCRIPT, *sizes, "--work", folder, "--out", out],
            check=True,
            cwd=HOME,
            env={**os.environ, "PYTHONPATH": str(HOME), "HF_HUB_OFFLINE": "1"},
        )
    for name in TOKENS:  # the next size has the same
        if not (prepared / name).exists():
            prepared.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, prepared / name)
    facts = json.loads((out / "training.json").read_text(encoding="utf-8"))
    if facts["steps"] != steps:
        raise SystemExit(
            f"{out} holds a training of {facts['steps']} steps and not of {steps}: delete {folder}."
        )
    return {
        "width": width,
        "layers": layers,
        "parameters": parameters(width, layers),
        "steps": steps,
        "operations": steps * operations(width, layers),
        "tokens read": facts["tokens read"],
        "minutes": facts["minutes"],
        "held-out loss, nats a token": facts["held-out loss"][-1][1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[80, 240], help="of 256x8, one a budget"
    )
    parser.add_argument(
        "--shapes", nargs="+", default=["192x9", "256x6", "256x8", "320x6"], help="width x layers"
    )
    parser.add_argument(
        "--prepared",
        type=Path,
        default=HOME / ".course" / "mini-falcon",
        help="tokens, if made before",
    )
    parser.add_argument("--work", type=Path, default=HOME / ".course" / "mini-falcon-sizes")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    shapes = [tuple(map(int, shape.split("x"))) for shape in asked.shapes]
    runs = []
    for steps in sorted(asked.steps):
        for shape in shapes:
            own = round(steps * operations(*REFERENCE) / operations(*shape))
            runs.append({"budget": steps, **trained(*shape, own, asked.prepared, asked.work)})
            print(
                {name: value for name, value in runs[-1].items() if name != "operations"},
                flush=True,
            )
    found = {
        "command": "python benchmarks/mini_falcon_sizes.py " + " ".join(sys.argv[1:]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "torch": version("torch"),
        "runs": runs,
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
