"""An archive comes back with the same logits or is refused; merging, right and wrong."""

import contextlib
import json
import random
import zipfile
from pathlib import Path

import pytest
import torch
from tiny_falcon import save_falcon

from course_lib.errors import CourseError
from course_lib.finetuning import archive
from course_lib.finetuning.falcon import has_bitsandbytes, load_base
from course_lib.finetuning.merging import (
    merge,
    merge_in_four_bits,
    merge_into_original,
    save_merged,
)
from course_lib.finetuning.train import Recipe, with_adapter
from course_lib.workbook.models import load_model

IDS = torch.randint(6, 300, (2, 24), generator=torch.Generator().manual_seed(5))
NEEDS = pytest.mark.skipif(
    not has_bitsandbytes(), reason="bitsandbytes is not installed (no wheel, or Colab)"
)
BOTH = pytest.mark.parametrize(
    "own", [pytest.param(False, marks=NEEDS), True], ids=["bitsandbytes", "course"]
)


def adapted(tiny: Path, own: bool = True) -> tuple:
    """A base with an adapter whose weights are shaken, and its logits."""
    base = load_base(tiny, own=own)
    model = with_adapter(base, Recipe(1, rank=4)).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_B" in name:
                value.normal_(std=0.02)
        return base, model, model(input_ids=IDS).logits


@pytest.fixture
def packed(tiny: Path, tmp_path: Path) -> Path:
    base, model, _ = adapted(tiny)
    return archive.pack(
        base, model, tmp_path / "songs.zip", "Twelve songs of our own.", {"new": 12.5}
    )


def rewritten(path: Path, **changed: bytes) -> Path:
    """The archive with some files replaced or added (``__`` stands for a dot, and ``/`` comes as it is)."""
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()}
    files |= changed
    with zipfile.ZipFile(path, "w") as new:
        for name, data in files.items():
            new.writestr(name, data)
    return path


@BOTH
# bitsandbytes 0.49 calls a function of torch that newer ones will not have
@pytest.mark.filterwarnings(
    "error::UserWarning", "error::FutureWarning", "ignore:_check_is_size:FutureWarning"
)
@torch.no_grad()
def test_what_comes_back_gives_the_same_logits(tiny: Path, tmp_path: Path, own: bool) -> None:
    base, model, expected = adapted(tiny, own)
    path = archive.pack(
        base, model, tmp_path / "songs.zip", "Twelve songs of our own.", {"new": 12.5}
    )
    found = archive.restore(load_base(tiny, own=own), path, tmp_path / "out")
    assert torch.equal(found(input_ids=IDS).logits, expected)
    facts = json.loads((tmp_path / "out" / "archive.json").read_text(encoding="utf-8"))
    assert facts["evaluation"] == {"new": 12.5} and facts["base"]["name"] == tiny.name
    assert (tmp_path / "out" / "DATA.md").read_text(encoding="utf-8") == "Twelve songs of our own."
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json"} <= set(
        facts["files"]
    )
    for file in (tmp_path / "out").iterdir():
        assert str(tiny.parent).encode() not in file.read_bytes(), (
            f"{file.name} tells where the base lies"
        )


def test_the_base_is_the_same_however_it_is_loaded(tiny: Path) -> None:
    half = save_falcon_half(tiny)
    kinds = (torch.float32, torch.bfloat16, torch.float16)
    prints = {archive.fingerprint(load_base(half, four_bit=False, dtype=kind)) for kind in kinds}
    prints |= {archive.fingerprint(load_base(half, own=own)) for own in (True, False)}
    base = load_base(half, own=True)
    with_adapter(base, Recipe(1))
    assert prints == {archive.fingerprint(base)}


def save_falcon_half(tiny: Path) -> Path:
    """The same model stored in 16 bits, as models are given away."""
    folder = tiny.parent / "tiny-falcon-16"
    if not folder.exists():
        base = load_base(tiny, four_bit=False, dtype=torch.bfloat16)
        base.model.save_pretrained(folder)
        base.tokenizer.save_pretrained(folder)
    return folder


def test_a_base_that_learned_something_is_another_one(tiny: Path) -> None:
    base = load_base(tiny, four_bit=False)
    before = archive.fingerprint(base)
    with torch.no_grad():
        weight = base.model.get_submodule(base.layers[-1]).weight
        weight += 0.02 * torch.randn_like(weight)
    assert archive.fingerprint(base) != before


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("../evil.json", b"{}", "would leave the folder"),
        ("..\\evil.json", b"{}", "would leave the folder"),
        ("/evil.json", b"{}", "would leave the folder"),
        ("C:evil.json", b"{}", "would leave the folder"),
        ("deep/evil.json", b"{}", "would leave the folder"),
        ("evil.py", b"boom", "could run code"),
        ("adapter_model.bin", b"boom", "could run code"),
        ("more.json", b"{}", "does not hold what its list says"),
        ("adapter_model.safetensors", b"changed", "was changed after packing"),
        ("DATA.md", b"Somebody else's songs.", "was changed after packing"),
        ("archive.json", b"{", "damaged"),
        ("archive.json", b'{"format": 1}', "damaged"),
    ],
)
def test_bad_archives_are_refused_and_nothing_is_written(
    packed: Path, name: str, data: bytes, words: str
) -> None:
    out, before = packed.parent / "sub" / "out", set(packed.parent.rglob("evil*"))
    with pytest.raises(CourseError, match=words):
        archive.unpack(rewritten(packed, **{name: data}), out)
    assert not out.exists() and set(packed.parent.rglob("evil*")) == before
    assert list(packed.parent.joinpath("sub").iterdir()) == []


def test_a_cut_archive_and_a_full_folder_are_refused(packed: Path) -> None:
    out = packed.parent / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CourseError, match="not empty"):
        archive.unpack(packed, out)
    for data in (packed.read_bytes()[:-200], b""):
        packed.write_bytes(data)
        with pytest.raises(CourseError, match="damaged"):
            archive.unpack(packed, packed.parent / "other")
    with pytest.raises(CourseError, match="missing"):
        archive.unpack(packed.parent / "none.zip", packed.parent / "other")
    assert not (packed.parent / "other").exists()


def test_another_base_is_refused(packed: Path, tiny: Path) -> None:
    other = save_falcon(packed.parent / "other-falcon", steps=1)
    with pytest.raises(CourseError, match="was learned on tiny-falcon and not on"):
        archive.restore(load_base(other, own=True), packed, packed.parent / "out")
    assert not (packed.parent / "out").exists()


def test_another_number_of_bits_is_refused(packed: Path, tiny: Path) -> None:
    with pytest.raises(CourseError, match="four_bit=True"):
        archive.restore(load_base(tiny, four_bit=False), packed, packed.parent / "out")
    assert not (packed.parent / "out").exists()


def test_damaged_bits_anywhere_get_one_sentence(packed: Path) -> None:
    whole, rng = packed.read_bytes(), random.Random(0)
    for number in range(150):
        place = rng.randrange(len(whole))
        packed.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << rng.randrange(8)]) + whole[place + 1 :]
        )
        with contextlib.suppress(
            CourseError
        ):  # some bits, as those of the dates, are of no consequence
            archive.unpack(packed, packed.parent / f"out {number}")


@pytest.mark.parametrize(
    "change",
    [
        {"files": ["DATA.md"]},
        {"base": None},
        {"base": {"name": "x"}},
        {"bits": None},
        {"format": None},
    ],
)
def test_a_list_of_another_kind_is_refused(packed: Path, change: dict) -> None:
    with zipfile.ZipFile(packed) as file:
        facts = json.loads(file.read("archive.json"))
    rewritten(packed, **{"archive.json": json.dumps({**facts, **change}).encode()})
    with pytest.raises(CourseError):
        archive.unpack(packed, packed.parent / "out")
    assert not (packed.parent / "out").exists()


def test_an_archive_needs_a_card_and_finds_its_place(tiny: Path, tmp_path: Path) -> None:
    base, model, _ = adapted(tiny)
    with pytest.raises(CourseError, match="card"):
        archive.pack(base, model, tmp_path / "a.zip", " ")
    assert archive.place("a.zip", tmp_path) == tmp_path / "a.zip"
    assert archive.place("a.zip", tmp_path / "no drive") == Path.cwd() / "a.zip"


@BOTH
@torch.no_grad()
def test_merging_the_right_way_and_the_wrong_ones(tiny: Path, tmp_path: Path, own: bool) -> None:
    _, model, expected = adapted(tiny, own)
    model.save_pretrained(tmp_path / "adapter")
    merged = merge(load_base(tiny, own=own), tmp_path / "adapter")
    ways = {
        "right": merged,
        "original": merge_into_original(load_base(tiny, four_bit=False), tmp_path / "adapter"),
        "four bits": merge_in_four_bits(load_base(tiny, own=own), tmp_path / "adapter"),
    }
    error = {
        name: float((way(input_ids=IDS).logits - expected).abs().max())
        for name, way in ways.items()
    }
    assert (
        error["right"] < 5e-5 and min(error["original"], error["four bits"]) > 50 * error["right"]
    )
    assert min(error["original"], error["four bits"]) > 0.05
    save_merged(merged, load_base(tiny).tokenizer, tmp_path / "merged")
    again, _ = load_model(tmp_path / "merged")
    torch.testing.assert_close(again(IDS).logits, merged(IDS).logits, atol=1e-4, rtol=1e-4)
    assert list((tmp_path / "merged").glob("*.safetensors"))
    with pytest.raises(CourseError, match="still has layers in 4 bits"):
        save_merged(ways["four bits"], None, tmp_path / "no")
