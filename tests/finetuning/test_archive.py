"""An adapter comes back with the same logits or is refused; merging, right and wrong."""

import contextlib
import json
import random
import zipfile
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from tiny_falcon import save_falcon

from course_lib.errors import CourseError
from course_lib.finetuning import archive
from course_lib.finetuning.falcon import has_bitsandbytes, load_base
from course_lib.finetuning.merging import merge
from course_lib.finetuning.nf4 import quantize_layers
from course_lib.finetuning.train import FinetuneConfig, add_adapter

IDS = torch.randint(6, 300, (2, 24), generator=torch.Generator().manual_seed(5))
NEEDS = pytest.mark.skipif(not has_bitsandbytes(), reason="bitsandbytes is not installed")
BOTH = pytest.mark.parametrize(
    "use_bitsandbytes", [pytest.param(True, marks=NEEDS), False], ids=["bitsandbytes", "course"]
)


def ours(tiny: Path, **options: object) -> object:
    return load_base(tiny, use_bitsandbytes=False, **options)


@torch.no_grad()
def adapted(base: object) -> tuple[PeftModel, torch.Tensor]:
    """A base with an adapter whose weights are shaken, and its logits."""
    model = add_adapter(base, FinetuneConfig(1, r=4)).eval()
    torch.manual_seed(1)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.normal_(std=0.02)
    return model, model(input_ids=IDS).logits


@pytest.fixture
def packed(tiny: Path, tmp_path: Path) -> Path:
    base = ours(tiny)
    archive.save_adapter(base, adapted(base)[0], tmp_path / "adapter", "Twelve songs of our own.")
    archive.pack(tmp_path / "adapter", tmp_path / "songs.zip")
    return tmp_path / "songs.zip"


def rewritten(path: Path, names: dict[str, str] | None = None, **added: bytes) -> Path:
    """The archive with its files renamed, and some added or replaced."""
    with zipfile.ZipFile(path) as old:
        files = {(names or {}).get(name, name): old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, data in (files | added).items():
            new.writestr(name, data)
    return path


@BOTH
# bitsandbytes 0.49 calls a function of torch that newer ones will not have
@pytest.mark.filterwarnings("error::UserWarning", "error::FutureWarning", "ignore:_check_is_size")
@torch.no_grad()
def test_what_comes_back_gives_the_same_logits(
    tiny: Path, tmp_path: Path, use_bitsandbytes: bool
) -> None:
    base = load_base(tiny, use_bitsandbytes=use_bitsandbytes)
    model, expected = adapted(base)
    archive.save_adapter(base, model, tmp_path / "adapter", "Twelve songs of our own.")
    sha256 = archive.pack(tmp_path / "adapter", tmp_path / "songs.zip")
    folder = archive.unpack(tmp_path / "songs.zip", tmp_path / "out", sha256)
    again = load_base(tiny, use_bitsandbytes=use_bitsandbytes)
    assert torch.equal(archive.load_adapter(again, folder)(input_ids=IDS).logits, expected)
    again = load_base(tiny, use_bitsandbytes=use_bitsandbytes)
    with archive.quietly():
        plain = PeftModel.from_pretrained(again.model, str(folder)).eval()
    assert torch.equal(plain(input_ids=IDS).logits, expected), "peft alone opens it"
    assert (folder / "README.md").read_text(encoding="utf-8") == "Twelve songs of our own."
    assert (folder / "tokenizer.json").is_file()
    for file in folder.iterdir():
        assert str(tiny.parent).encode() not in file.read_bytes(), f"{file.name} tells a path"


def test_another_base_is_refused_and_so_are_other_bits(packed: Path, tiny: Path) -> None:
    folder = archive.unpack(packed, packed.parent / "out")
    other = save_falcon(packed.parent / "other-falcon", steps=1)
    with pytest.raises(CourseError, match="on another model than .*four_bit=True"):
        archive.load_adapter(ours(other), folder)
    with pytest.raises(CourseError, match="four_bit=True"):
        archive.load_adapter(load_base(tiny, four_bit=False), folder)
    (folder / "base.json").unlink()  # as peft alone would have written it
    archive.load_adapter(load_base(tiny, four_bit=False), folder)
    (folder / "base.json").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="damaged"):
        archive.load_adapter(ours(tiny), folder)
    with pytest.raises(CourseError, match="carries an adapter already"):
        base = ours(tiny)
        adapted(base)
        archive.load_adapter(base, folder)


def test_the_checksum_of_a_base_is_that_of_its_files(tiny: Path) -> None:
    facts = [archive.base_facts(load_base(tiny, dtype=d)) for d in (torch.float32, torch.bfloat16)]
    assert (
        facts[0] == facts[1] and facts[0]["name"] == tiny.name and len(facts[0]["checksum"]) == 64
    )


BAD = ("../evil.json", "..\\evil2.json", "/evil3.json", "C:evil4.json", "deep/evil5.json")


def test_nothing_leaves_the_folder_and_nothing_that_could_run_comes_out(packed: Path) -> None:
    before, code = set(packed.parent.rglob("*")), ("evil.py", "adapter_model.bin", "x.pkl")
    out = archive.unpack(
        rewritten(packed, **dict.fromkeys(BAD + code, b"{}")), packed.parent / "out"
    )
    new = set(packed.parent.rglob("*")) - before
    assert all(path == out or path.parent == out for path in new)
    assert not {path.suffix for path in new} & {".py", ".bin", ".pkl"}


def test_two_adapters_or_none_are_refused_and_nothing_is_written(packed: Path) -> None:
    for names in ({"adapter_model.safetensors": "model.bin"}, {"README.md": "x/README.md"}):
        with pytest.raises(CourseError, match="does not hold one adapter"):
            archive.unpack(rewritten(packed, names, **{"README.md": b""}), packed.parent / "out")
        assert not (packed.parent / "out").exists()


@pytest.mark.parametrize("folder", ["", "songs/"])
def test_what_a_mac_packed_again_is_read(packed: Path, folder: str) -> None:
    with zipfile.ZipFile(packed) as file:
        names = {name: folder + name for name in file.namelist()}
    extra = (f"{folder}.DS_Store", "__MACOSX/._README.md", f"__MACOSX/{folder}._base.json")
    rewritten(packed, names, **dict.fromkeys(extra, b"\0"), **{f"{folder}sub/": b""})
    out = archive.unpack(packed, packed.parent / "out")
    assert {path.name for path in out.iterdir()} == set(names)


def test_a_changed_or_cut_archive_and_a_full_folder_are_refused(packed: Path) -> None:
    sha256 = archive.sha256_of(packed)
    rewritten(packed, **{"README.md": b"Learned from licensed songs only."})
    with pytest.raises(CourseError, match="SHA-256 is another one"):
        archive.unpack(packed, packed.parent / "out", sha256)
    with pytest.raises(CourseError, match="not empty"):
        archive.unpack(packed, packed.parent / "adapter")
    for data in (packed.read_bytes()[:-200], b""):
        packed.write_bytes(data)
        with pytest.raises(CourseError, match="damaged"):
            archive.unpack(packed, packed.parent / "out")
    with pytest.raises(CourseError, match="missing"):
        archive.unpack(packed.parent / "none.zip", packed.parent / "out")
    assert not (packed.parent / "out").exists()


def test_damaged_bits_anywhere_get_one_sentence(packed: Path) -> None:
    whole, rng = packed.read_bytes(), random.Random(0)
    for number in range(150):
        place, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        packed.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        with contextlib.suppress(CourseError):  # some bits, as those of the dates, do not matter
            archive.unpack(packed, packed.parent / f"out {number}")


@BOTH
@torch.no_grad()
def test_merging_the_right_way_and_the_wrong_ones(
    tiny: Path, tmp_path: Path, use_bitsandbytes: bool
) -> None:
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
