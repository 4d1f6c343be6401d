"""An adapter on a model, and in a folder that ``PeftModel.from_pretrained`` opens: weights, tokenizer, a note.

adapter_config.json  adapter_model.safetensors     what was learned, as peft writes it
tokenizer …                                        the right one for it
README.md                                          what it was learned from, for people
base.json                                          the base: name, checksum, whether it was in 4 bits
"""

import contextlib
import hashlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peft import PeftModel
from safetensors import SafetensorError

from course_lib.errors import CourseError
from course_lib.finetuning.falcon import Base
from course_lib.workbook.models import find_model


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Within, peft may ask for a name that transformers is about to drop."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*", FutureWarning)
        yield


def refuse_adapted(model: Any) -> None:
    """Raise ``CourseError`` if the model carries an adapter."""
    if any("lora_" in name for name, _ in model.named_parameters()):
        raise CourseError("This base carries an adapter already: load it anew with `load_base`.")


def base_facts(base: Base) -> dict[str, Any]:
    """Name, checksum and bits of a base: SHA-256 of its weight files, or its revision on the hub."""
    place, here = find_model(base.name)
    if here:
        digest = hashlib.sha256()
        for path in sorted(Path(place).glob("*.safetensors")):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        checksum = f"sha256:{digest.hexdigest()}"
    else:
        checksum = f"revision:{base.model.config._commit_hash}"
    return {"name": base.public_name, "checksum": checksum, "four_bit": bool(base.quantized_by)}


def save_adapter(base: Base, model: PeftModel, folder: Path, card: str) -> Path:
    """Write the adapter to ``folder``. ``card`` says in words what it was learned from."""
    if not card.strip():
        raise ValueError("say in `card` what the adapter was learned from")
    config = model.peft_config["default"]
    path, config.base_model_name_or_path = config.base_model_name_or_path, base.public_name
    try:
        # No embedding was trained; else peft would look up the base's name on the hub to find out.
        model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
    finally:
        config.base_model_name_or_path = path
    base.tokenizer.save_pretrained(folder)
    (Path(folder) / "README.md").write_text(card, encoding="utf-8")
    facts = json.dumps(base_facts(base), indent=1)
    (Path(folder) / "base.json").write_text(facts + "\n", encoding="utf-8")
    return Path(folder)


def load_adapter(base: Base, folder: Path) -> PeftModel:
    """The base with the adapter of a folder, in evaluation mode; only safetensors are read.

    Raises ``CourseError`` if the folder's ``base.json`` (where it has one) names another base, or this
    one in another number of bits.
    """
    note = Path(folder) / "base.json"
    try:
        wanted, found = json.loads(note.read_text(encoding="utf-8")), base_facts(base)
        if wanted["checksum"] != found["checksum"]:
            raise CourseError(
                f"This adapter was learned on {wanted['name']}, and {base.name} is not that model as it "
                f'was then: load the right one with load_base("{wanted["name"]}").'
            )
        if wanted["four_bit"] != found["four_bit"]:
            raise CourseError(
                "This adapter was learned beside weights of another size: load its base with "
                f"four_bit={wanted['four_bit']}."
            )
    except FileNotFoundError:  # an adapter that was not made here: peft knows only its shape
        pass
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{note.name} in {note.parent.name} is damaged: fetch it again."
        ) from error
    return attach(base.model, folder)


def attach(model: Any, folder: Path) -> PeftModel:
    """The same without a look at what the base is."""
    refuse_adapted(model)
    try:
        if not (Path(folder) / "adapter_model.safetensors").is_file():
            raise FileNotFoundError  # peft would take a pickle file, or ask the hub
        with quietly():
            return PeftModel.from_pretrained(model, str(folder)).eval()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CourseError(
            f"The adapter in {Path(folder).name} cannot be loaded ({type(error).__name__}): its files "
            "are missing or damaged, or it belongs to a model of another shape."
        ) from error
