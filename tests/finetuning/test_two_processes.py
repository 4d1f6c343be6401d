"""The same call under ``torchrun``: two processes with half the batch learn what one learns."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
from pathlib import Path
from accelerate import PartialState
from course_lib.finetuning.examples import per_document
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.train import FinetuneConfig, fine_tune
from course_lib.workbook.corpus import load_corpus

folder, batch, out = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
base = load_base(folder, use_bitsandbytes=False)
rows = per_document(list(load_corpus("songbook").texts())[:6], base.tokenizer, 32)
options = {"r": 4, "lora_dropout": 0.0, "learning_rate": 5e-3, "eval_steps": 3}
config = FinetuneConfig(6, batch_size=batch, **options)
result = fine_tune(base, rows[:40], rows[40:48], config, out)
if PartialState().is_main_process:
    facts = {"losses": result.history.losses, "evaluations": result.history.evaluations}
    facts["processes"] = PartialState().num_processes
    (out / "facts.json").write_text(json.dumps(facts))
"""


def run(command: list[str], folder: Path) -> dict:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.mark.skipif(sys.platform != "linux", reason="gloo over loopback is tried on Linux only")
def test_two_processes_learn_what_one_learns(tiny: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    one, two = tmp_path / "one", tmp_path / "two"
    alone = run([sys.executable, str(script), str(tiny), "4", str(one)], one)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    launcher += ["--master_addr", "127.0.0.1", "--master_port", str(free_port())]
    together = run([*launcher, str(script), str(tiny), "2", str(two)], two)
    assert (alone["processes"], together["processes"]) == (1, 2)
    assert [path.name for path in two.glob("run-*")] == ["run-1"]  # both processes agreed
    assert alone["losses"] == pytest.approx(together["losses"], rel=2e-3)
    for (first, loss), (second, other) in zip(
        *(run["evaluations"] for run in (alone, together)), strict=True
    ):
        assert first == second and loss == pytest.approx(other, rel=2e-3)
    assert alone["losses"][0] != pytest.approx(alone["losses"][-1], rel=2e-2)
