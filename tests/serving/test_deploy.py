"""The templates, as far as they go without a cloud, and the verb that the container runs."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import torch
import yaml
from peft import LoraConfig, get_peft_model
from tiny_assistant import tiny_assistant

from course_lib import bootstrap
from course_lib.finetuning.archive import pack, save_adapter
from course_lib.finetuning.falcon import load_base
from course_lib.places import REPOSITORY
from course_lib.serving import server
from course_lib.workbook import cli

FOLDER = REPOSITORY / "assets" / "deploy"
SUPPORT = REPOSITORY / "tests" / "support"
KEY = "k-0123456789abcdef"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and sh, as in the containers")


def load(name: str) -> list[dict]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    for part in tiny_assistant():
        part.save_pretrained(folder)
    return folder


def serve(command: list[str], cwd: Path, log: Path, end: signal.Signals) -> tuple[int, str]:
    """Start, ask how it is, and end. Returns the exit status and the name of the model."""
    (scraps := log.with_name("scraps")).mkdir()
    # The library is that of ``cwd``.
    environment = os.environ | {"PYTHONPATH": str(SUPPORT), "TMPDIR": str(scraps)}
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=cwd, stdout=file, stderr=file, env=environment)
    try:
        until = time.monotonic() + 120
        while not (found := re.search(r"(http://\S+?)/ ", log.read_text())):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        with urllib.request.urlopen(f"{found[1]}/health", timeout=60) as reply:
            assert json.load(reply) == {"status": "ok"}
        asked = urllib.request.Request(f"{found[1]}/v1/models")
        asked.add_header("Authorization", f"Bearer {KEY}")
        with urllib.request.urlopen(asked, timeout=60) as reply:
            [model] = json.load(reply)["data"]
        process.send_signal(end)
        status = process.wait(60)
        assert not list(scraps.iterdir())  # the folder of an adapter's zip is gone
        return status, model["id"]
    finally:
        process.kill()
        process.wait()


def test_the_containers_command_runs_on_what_the_dockerfile_copies(tmp_path, model) -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    kept = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (\S+) \S+$", text, re.MULTILINE)
    for source in copied:
        assert f"\n!{source}\n" in kept
        folder = (REPOSITORY / source).is_dir()
        (shutil.copytree if folder else shutil.copy)(REPOSITORY / source, tmp_path / source)
    assert {"course_lib", "requirements.lock"} <= {*copied}
    [command] = re.findall(r"^CMD (.+)$", text, re.MULTILINE)
    (tmp_path / "key").write_text(KEY)
    here = {"/model": str(model), "/run/secrets/api_key": "key", "0.0.0.0": "127.0.0.1"}
    here |= {"8000": "0", "python": sys.executable}
    words = [here.get(word, word) for word in json.loads(command)]
    ended = serve(words, tmp_path, tmp_path / "log", signal.SIGTERM)
    assert ended == (0, model.name)


def test_the_verb_ends_well(tmp_path, model) -> None:
    asked = [sys.executable, "-m", "course_lib", "serve", "--port", "0", "--model", str(model)]
    assert serve(asked, REPOSITORY, tmp_path / "log", signal.SIGINT) == (0, model.name)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--host", "0.0.0.0", "--api-key-file"),
        ("--api-key-file", "none", "cannot be read"),
        ("--adapter", "none.zip", "no adapter at none.zip"),
        ("--model", "nothing", "There is no model"),
    ],
)
def test_what_the_verb_cannot_do(monkeypatch, capsys, option, value, words) -> None:
    monkeypatch.setattr(bootstrap, "interpreter_for", lambda verb: sys.executable)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # ours stay
    assert cli.main(["serve", "--port", "0", option, value]) == 2
    assert words in (said := capsys.readouterr().err) and said.count("\n") == 1


def test_an_adapter_folder_or_zip_is_merged_into_its_own_base(tmp_path, model) -> None:
    base = load_base(str(model), four_bit=False)
    before = {name: weight.clone() for name, weight in base.model.named_parameters()}
    adapted = get_peft_model(base.model, LoraConfig(r=2, target_modules=["q_proj"]))
    for name, weight in adapted.named_parameters():
        weight.data += 0.1 * ("lora_" in name)
    folder = save_adapter(base, adapted, tmp_path / "mine", "")
    pack(folder, tmp_path / "mine.zip")
    for place in (folder, tmp_path / "mine.zip"):
        merged, _, name = server.load(str(model), str(place), tmp_path / f"for-{place.name}")
        weights = dict(merged.named_parameters())
        changed = {n for n, weight in before.items() if not torch.equal(weight, weights[n])}
        assert name == "mine" and changed and all("q_proj" in one for one in changed)


def test_what_the_templates_name_is_there() -> None:
    compose = load("compose.yaml")[0]["services"]["assistant"]
    context = (FOLDER / compose["build"]["context"]).resolve()
    assert context == REPOSITORY and (context / compose["build"]["dockerfile"]).is_file()
    assert all(port.startswith("127.0.0.1:") for port in compose["ports"])

    [stack], text = load("sagemaker.yaml"), (FOLDER / "sagemaker.yaml").read_text("utf-8")
    for kind, pattern in (("Parameters", r"Ref: (\w+)"), ("Resources", r"GetAtt\": \[(\w+)")):
        assert {*re.findall(pattern, text)} <= {*stack[kind]}

    [endpoint], [deployment] = load("azure/endpoint.yaml"), load("azure/deployment.yaml")
    assert deployment["endpoint_name"] == endpoint["name"] and endpoint["auth_mode"] == "key"
    assert (FOLDER / "azure" / deployment["environment"]["build"]["dockerfile_path"]).is_file()
    routes = deployment["environment"]["inference_config"]
    assert {*routes} == {"liveness_route", "readiness_route", "scoring_route"}
    port = f"--port {routes['scoring_route']['port']}"
    assert port in (FOLDER / "azure" / "Dockerfile").read_text()

    work, service = load("kubernetes.yaml")
    labels = work["spec"]["template"]["metadata"]["labels"]
    assert work["spec"]["selector"]["matchLabels"] == labels == service["spec"]["selector"]
    [container] = work["spec"]["template"]["spec"]["containers"]
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in work["spec"]["template"]["spec"]["volumes"]}
    assert subprocess.run(["sh", "-n", FOLDER / "vllm_two_machines.sh"]).returncode == 0


def test_what_is_to_be_filled_in_is_listed_and_each_file_is_named() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    files = [p for p in FOLDER.rglob("*") if p.suffix in (".yaml", ".sh") or p.name == "Dockerfile"]
    marks = {mark for p in files for mark in re.findall(r"FILL_IN_\w+", p.read_text("utf-8"))}
    assert marks == set(re.findall(r"\| `(FILL_IN_\w+)`", readme))
    assert all(f"`{path.relative_to(FOLDER).as_posix()}`" in readme for path in files)


def test_the_bill_is_printed() -> None:
    command = [sys.executable, FOLDER / "bill.py", "--tokens-per-second", "60"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and "requests an hour to beat" in done.stdout, done.stderr
