"""An adapter's folder, which ``PeftModel.from_pretrained`` opens, and the folder as one zip file.

    adapter_config.json  adapter_model.safetensors     what was learned, as peft writes it
    tokenizer …                                        the right one for it
    README.md                                          what it was learned from, for people
    base.json                                          name and checksum of the base, and its bits

The zip has one checksum, which is published elsewhere: one inside could be rewritten together with
what it guards.
"""

import hashlib
import json
import warnings
import zipfile
import zlib
from pathlib import Path, PureWindowsPath
from typing import Any

from peft import PeftModel
from safetensors import SafetensorError

from course_lib.errors import CourseError
from course_lib.finetuning.falcon import Base
from course_lib.workbook.models import find_model
from course_lib.workbook.settings import atomic_write

ENDINGS = (".safetensors", ".json", ".md", ".txt", ".jinja")
NEEDED = "adapter_model.safetensors"
MAX_BYTES = 4 * 10**9
DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


def refuse_adapted(model: Any) -> None:
    """Raise ``CourseError`` if the model carries an adapter."""
    if any("lora_" in name for name, _ in model.named_parameters()):
        raise CourseError("This base carries an adapter already: load it anew with `load_base`.")


def base_facts(base: Base) -> dict[str, Any]:
    """Name, bits, and SHA-256 of a base's weight files (on the hub: its revision)."""
    place, here = find_model(base.name)
    checksums = [sha256_of(path) for path in sorted(Path(place).glob("*.safetensors"))]
    checksum = " ".join(checksums) if here else base.model.config._commit_hash
    name = Path(base.name).name if here else base.name  # of a folder only the last part
    return {"name": name, "checksum": checksum, "four_bit": bool(base.quantized_by)}


def save_adapter(base: Base, model: PeftModel, folder: Path, card: str) -> Path:
    """Write the adapter to ``folder``. ``card`` says in words what it was learned from."""
    folder, facts = Path(folder), base_facts(base)
    model.peft_config["default"].base_model_name_or_path = facts["name"]
    # No embedding was trained; else peft would look up the base's name on the hub to find out.
    model.save_pretrained(folder, save_embedding_layers=False)
    base.tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(card, encoding="utf-8")
    (folder / "base.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
    return folder


def load_adapter(base: Base, folder: Path) -> PeftModel:
    """The base with the adapter of a folder, in evaluation mode; only safetensors are read.

    Raises ``CourseError`` if the folder's ``base.json`` (where it has one) names another base, or
    the same in another number of bits.
    """
    folder = Path(folder)
    refuse_adapted(base.model)
    try:
        if (folder / "base.json").is_file():
            wanted = json.loads((folder / "base.json").read_text(encoding="utf-8"))
            name, four_bit = wanted["name"], wanted["four_bit"]
            if {**base_facts(base), "name": name} != wanted:
                raise CourseError(
                    f"This adapter was learned on another model than {base.name} as it is here, or "
                    f'in another number of bits: load load_base("{name}", four_bit={four_bit}).'
                )
        if not (folder / NEEDED).is_file():
            raise FileNotFoundError  # peft would take a pickle file, or ask the hub
        # peft asks transformers for a name that is about to go.
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            return PeftModel.from_pretrained(base.model, str(folder)).eval()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CourseError(
            f"The adapter in {folder.name} cannot be loaded ({type(error).__name__}): its files "
            "are missing or damaged, or it belongs to a model of another shape."
        ) from error


def pack(folder: Path, path: Path) -> str:
    """Write the zip, whole or not at all, and return its SHA-256."""
    with atomic_write(path) as new, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(Path(folder).iterdir()):
            archive.write(file, file.name)
    return sha256_of(path)


def sha256_of(path: Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(path: Path, folder: Path, sha256: str | None = None) -> Path:
    """Write an archive's files to the new ``folder``, which then opens with ``load_adapter``.

    sha256   what ``pack`` returned; without it nothing says that the file is the one that was made

    Safetensors and text are taken out, each by its last name, so that none can leave the folder;
    anything else stays in the zip: what could run code, and what a Mac adds when it packs again.
    Raises ``CourseError``, and writes nothing, for a damaged or another file.
    """
    path, folder = Path(path), Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise CourseError(f"The folder {folder.name} is not empty: give a new one.")
    try:
        if sha256 not in (None, sha256_of(path)):
            raise CourseError(f"{path.name} was changed since: its SHA-256 is another one.")
        with zipfile.ZipFile(path) as archive:
            named = [
                (PureWindowsPath(member.filename).name, member) for member in archive.infolist()
            ]
            wanted = [(n, m) for n, m in named if n.endswith(ENDINGS) and not n.startswith("._")]
            files, size = dict(wanted), sum(member.file_size for _, member in wanted)
            if len(files) < len(wanted) or NEEDED not in files or size > MAX_BYTES:
                raise CourseError(f"{path.name} does not hold one adapter, of at most 4 GB.")
            files = {name: archive.read(member) for name, member in files.items()}
    except DAMAGED as error:
        raise CourseError(f"{path.name} is missing or damaged: fetch it again.") from error
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder
