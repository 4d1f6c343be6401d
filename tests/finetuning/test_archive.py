"""An adapter comes back with the same logits or is refused; merging, right and wrong."""

import contextlib
import hashlib
import json
import random
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from tiny_falcon import save_falcon

from course_lib.errors import CourseError
from course_lib.finetuning.archive import base_facts, load_adapter, pack, save_adapter, unpack
from course_lib.finetuning.falcon import load_base
from course_lib.finetuning.merging import merge
from course_lib.finetuning.nf4 import quantize_layers
from course_lib.finetuning.train import FinetuneConfig, add_adapter

IDS = torch.randint(6, 300, (2, 24), generator=torch.Generator().manual_seed(5))


@torch.no_grad()
def adapted(base: object) -> tuple[PeftModel, torch.Tensor]:
    """A base with an adapter whose weights are shaken, and its logits."""
    model = add_adapter(base, FinetuneConfig(1, r=4)).eval()
    torch.manual_seed(1)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.normal_(std=0.02)
    return model, model(input_ids=IDS).logits


@pytest.fixture(scope="module")
def archive(tiny: Path, tmp_path_factory) -> Path:
    base, folder = load_base(tiny, use_bitsandbytes=False), tmp_path_factory.mktemp("adapter")
    save_adapter(base, adapted(base)[0], folder / "adapter", "Twelve songs of our own.")
    pack(folder / "adapter", folder / "songs.zip")
    return folder / "songs.zip"


@pytest.fixture
def packed(archive: Path, tmp_path) -> Path:
    return Path(shutil.copy(archive, tmp_path))


def rewritten(path: Path, names: dict[str, str] | None = None, **added: bytes) -> Path:
    """The archive with its files renamed, and some added or replaced."""
    with zipfile.ZipFile(path) as old:
        files = {(names or {}).get(name, name): old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, data in (files | added).items():
            new.writestr(name, data)
    return path


# bitsandbytes 0.49 calls a function of torch that newer ones will not have
@pytest.mark.filterwarnings("error::UserWarning", "ignore:_check_is_size")
@torch.no_grad()
def test_what_comes_back_gives_equal_logits(tiny: Path, tmp_path, use_bitsandbytes: bool) -> None:
    base, again, third = (load_base(tiny, use_bitsandbytes=use_bitsandbytes) for _ in range(3))
    model, expected = adapted(base)
    save_adapter(base, model, tmp_path / "adapter", "Twelve songs of our own.")
    sha256 = pack(tmp_path / "adapter", tmp_path / "songs.zip")
    folder = unpack(tmp_path / "songs.zip", tmp_path / "out", sha256)
    assert torch.equal(load_adapter(again, folder)(input_ids=IDS).logits, expected)
    plain = PeftModel.from_pretrained(third.model, str(folder)).eval()
    assert torch.equal(plain(input_ids=IDS).logits, expected), "peft alone opens it"
    assert (folder / "README.md").read_text(encoding="utf-8") == "Twelve songs of our own."
    assert (folder / "tokenizer.json").is_file()
    for file in folder.iterdir():
        assert str(tiny.parent).encode() not in file.read_bytes(), f"{file.name} tells a path"


def test_another_base_is_refused_and_so_are_other_bits(packed: Path, tiny: Path) -> None:
    folder = unpack(packed, packed.parent / "out")
    other = save_falcon(packed.parent / "other-falcon", steps=1)
    base = load_base(tiny, use_bitsandbytes=False)
    for wrong in (load_base(other, use_bitsandbytes=False), load_base(tiny, four_bit=False)):
        with pytest.raises(CourseError, match="on another model than .*four_bit=True"):
            load_adapter(wrong, folder)
    (folder / "base.json").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="damaged"):
        load_adapter(base, folder)
    (folder / "base.json").unlink()  # as peft alone would have written it
    load_adapter(base, folder)
    with pytest.raises(CourseError, match="carries an adapter already"):
        load_adapter(base, folder)
    facts = base_facts(load_base(tiny, dtype=torch.bfloat16))  # the type of loading is none of them
    assert facts == base_facts(base) and facts["name"] == tiny.name


@pytest.mark.parametrize("folder", ["", "songs/"])
def test_a_mac_s_archive_is_read_and_nothing_that_could_run(packed: Path, folder: str) -> None:
    with zipfile.ZipFile(packed) as file:
        names = {name: folder + name for name in file.namelist()}
    mac = (f"{folder}.DS_Store", "__MACOSX/._README.md", f"__MACOSX/{folder}._base.json")
    evil = ("../evil.json", "..\\evil2.json", "/evil3.json", "C:evil4.json", "deep/evil5.json")
    code = ("evil.py", "adapter_model.bin", "x.pkl")
    rewritten(packed, names, **dict.fromkeys(mac + evil + code, b"{}"), **{f"{folder}sub/": b""})
    out = unpack(packed, packed.parent / "out")
    found = {path.name for path in out.iterdir()}
    assert found == {*names, "evil.json", *(f"evil{number}.json" for number in range(2, 6))}
    assert set(packed.parent.rglob("*")) == {packed, out, *out.iterdir()}


def test_what_is_not_the_one_archive_is_refused_and_nothing_is_written(packed: Path) -> None:
    whole, rng, out = packed.read_bytes(), random.Random(0), packed.parent / "out"
    with pytest.raises(CourseError, match="not empty"):
        unpack(packed, packed.parent)
    with pytest.raises(CourseError, match="SHA-256 is another one"):
        unpack(packed, out, hashlib.sha256(whole[:-1]).hexdigest())
    for names in ({"README.md": "x/README.md"}, {"adapter_model.safetensors": "model.bin"}):
        with pytest.raises(CourseError, match="does not hold one adapter"):
            unpack(rewritten(packed, names, **{"README.md": b""}), out)
    for data in (whole[:-200], b""):
        packed.write_bytes(data)
        with pytest.raises(CourseError, match="missing or damaged"):
            unpack(packed, out)
    assert not out.exists()
    for number in range(100):
        place, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        packed.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        with contextlib.suppress(CourseError):  # some bits, as those of the dates, do not matter
            unpack(packed, packed.parent / f"out {number}")


@torch.no_grad()
def test_merging_right_and_wrong(tiny: Path, tmp_path, use_bitsandbytes: bool) -> None:
    def base(**options: object) -> object:
        return load_base(tiny, use_bitsandbytes=use_bitsandbytes, **options)

    model, expected = adapted(base())
    model.save_pretrained(tmp_path)
    right, original = merge(base(), tmp_path), merge(base(four_bit=False), tmp_path)
    again = merge(base(), tmp_path)
    quantize_layers(again, base().layers)
    errors = [(way(IDS).logits - expected).abs().max() for way in (right, original, again)]
    assert errors[0] < 5e-5 and min(errors[1:]) > max(0.05, 50 * errors[0])
    right.save_pretrained(tmp_path / "merged")
    config = json.loads((tmp_path / "merged" / "config.json").read_text(encoding="utf-8"))
    assert "quantization_config" not in config
    base().tokenizer.save_pretrained(tmp_path / "merged")
    loaded = load_base(tmp_path / "merged", four_bit=False).model
    torch.testing.assert_close(loaded(IDS).logits, right(IDS).logits, atol=1e-4, rtol=1e-4)
