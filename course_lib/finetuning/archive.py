"""A fine-tuned adapter in one zip that can be checked: what it is, what it needs, that it is whole.

    adapter_config.json  adapter_model.safetensors     what was learned
    tokenizer …                                        the right one for it
    DATA.md                                            what it was learned from, for people
    archive.json                                       base (name, hash), versions, SHA-256 of every file

Nothing of a foreign archive is trusted: names, sizes and hashes are checked before a file is written.
"""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError, safe_open

from course_lib.errors import CourseError
from course_lib.finetuning.adapters import attach, save
from course_lib.finetuning.falcon import Base
from course_lib.finetuning.nf4 import quantise

FORMAT, CARD, LIST = 1, "DATA.md", "archive.json"
ENDINGS = (".safetensors", ".json", ".md", ".txt", ".jinja")
MOST_BYTES, FIRST = 4 * 10**9, 4_096
# What zipfile and json raise for files that are damaged in one way or another.
DAMAGED = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
)
LIBRARIES = ("torch", "transformers", "peft")


def fingerprint(base: Base) -> str:
    """SHA-256 of a base: its shapes, and the NF4 codes of the first numbers of every weight.

    The codes are the same whether the base was loaded in four bits or not, in fp16, bf16 or fp32.
    """
    model = base.model.get_base_model() if isinstance(base.model, PeftModel) else base.model
    digest = hashlib.sha256()
    for name, value in sorted(model.named_parameters()):
        if "lora_" in name:
            continue
        packed = value.dtype == torch.uint8
        size = value.numel() * 2 if packed else value.numel()
        some = value.detach().reshape(-1)[: FIRST // 2 if packed else FIRST].cpu()
        codes = some if packed else quantise(some.float()).packed
        digest.update(
            f"{name.replace('.base_layer', '')} {size} ".encode() + codes.numpy().tobytes()
        )
    return digest.hexdigest()


def pack(
    base: Base, model: PeftModel, path: Path, card: str, evaluation: dict[str, float] | None = None
) -> Path:
    """Write the archive, whole or not at all. ``card`` says in words what the adapter was learned from."""
    if not card.strip():
        raise CourseError(
            "Say in `card` what the adapter was learned from: whoever opens it wants to know."
        )
    path = Path(path)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(model, folder, base.public_name)
        base.tokenizer.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's empty form
        (folder / CARD).write_text(card, encoding="utf-8")
        files = sorted(file for file in folder.iterdir() if file.suffix in ENDINGS)
        facts = {
            "format": FORMAT,
            "base": {"name": base.public_name, "sha256": fingerprint(base)},
            "bits": base.bits_by or "none",
            "versions": {library: version(library) for library in LIBRARIES},
            "evaluation": evaluation or {},
            "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        }
        (folder / LIST).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in [folder / LIST, *files]:
                    archive.write(file, file.name)
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise CourseError(
                f"{path.name} could not be written ({error}): free some space or take another folder."
            ) from error
    return path


def unpack(path: Path, folder: Path) -> dict[str, Any]:
    """Check an archive and write its files to the new ``folder``. Returns what ``archive.json`` says.

    Raises ``CourseError``, and writes nothing, if the archive is damaged, was changed, holds anything
    but safetensors and text, or a name that would leave the folder.
    """
    path, folder = Path(path), Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise CourseError(f"The folder {folder.name} is not empty: give a new one.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        checked = Path(name) / "files"
        checked.mkdir()
        try:
            with zipfile.ZipFile(path) as archive:
                facts = _read_all(archive, path.name, checked)
        except DAMAGED as error:
            raise CourseError(
                f"{path.name} is missing, damaged or no adapter's archive: fetch it again."
            ) from error
        if folder.exists():
            folder.rmdir()
        shutil.move(checked, folder)
    return facts


def _read_all(archive: zipfile.ZipFile, title: str, folder: Path) -> dict[str, Any]:
    """Every file of the archive, checked, into ``folder``."""
    members = archive.infolist()
    for member in members:
        _check_name(member.filename, title)
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise CourseError(
            f"{title} would unpack to more than {MOST_BYTES / 1e9:.0f} GB: that is no adapter."
        )
    listed = archive.read(LIST)
    facts = json.loads(listed)
    names = [member.filename for member in members]
    needed = facts["base"]["name"], facts["base"]["sha256"], facts["bits"]
    if (
        facts["format"] != FORMAT
        or not all(isinstance(fact, str) for fact in needed)
        or sorted(names) != sorted([LIST, *facts["files"]])
    ):
        raise CourseError(
            f"{title} does not hold what its list says: fetch it again from where it was made."
        )
    for name, expected in facts["files"].items():
        data = archive.read(name)
        if hashlib.sha256(data).hexdigest() != expected:
            raise CourseError(
                f"{name} in {title} was changed after packing: fetch the archive again."
            )
        (folder / name).write_bytes(data)
    (folder / LIST).write_bytes(listed)
    try:
        with safe_open(folder / "adapter_model.safetensors", "pt") as file:
            file.keys()
    except SafetensorError as error:
        raise CourseError(
            f"The adapter in {title} is no safetensors file: fetch the archive again."
        ) from error
    return facts


def _check_name(name: str, title: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if len(parts) != 1 or parts[0] in ("..", "/", ".") or ":" in name:
        raise CourseError(f"{title} is refused: its file {name!r} would leave the folder.")
    if not name.endswith(ENDINGS):
        raise CourseError(
            f"{title} is refused: {name!r} is neither safetensors nor text, and could run code."
        )


def restore(base: Base, path: Path, folder: Path) -> PeftModel:
    """The base with the adapter of an archive: the same logits as before packing.

    ``base`` is freshly loaded. Raises ``CourseError``, and keeps no file, if it is another one than the
    adapter was learned beside, or the same one in another number of bits.
    """
    facts = unpack(path, folder)
    wanted, whole = facts["base"], facts["bits"] == "none"
    if fingerprint(base) != wanted["sha256"]:
        shutil.rmtree(folder)
        raise CourseError(
            f"This adapter was learned on {wanted['name']} and not on {base.name}: "
            f'load the right one with load_base("{wanted["name"]}").'
        )
    if whole == bool(base.bits_by):
        shutil.rmtree(folder)
        kind = "whole weights" if whole else "weights in 4 bits"
        raise CourseError(
            f"This adapter was learned beside {kind}: load its base with four_bit={not whole}."
        )
    return attach(base.model, folder)


def place(name: str, drive: Path = Path("/content/drive/MyDrive")) -> Path:
    """Where to keep an archive: on Google Drive where it is mounted (Colab forgets its own disk), else here."""
    return (drive if drive.is_dir() else Path.cwd()) / name
