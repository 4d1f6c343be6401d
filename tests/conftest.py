"""Offline, headless, and away from the user's own settings: for every test and its children."""

import gc
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SUPPORT = Path(__file__).parent / "support"
REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(SUPPORT), str(REPOSITORY)]

import offline_guard  # noqa: E402

from course_lib import places  # noqa: E402
from course_lib.workbook import machine, settings, smollm2  # noqa: E402

os.environ.setdefault("COURSE_MODELS", str(settings.models_folder()))  # of the real home
offline_guard.block()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background; Ctrl-C is tested, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["PIP_NO_INDEX"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["COURSE_HEADLESS"] = "1"
machine.set_thread_policy()  # as course_lib.start does it: before torch is imported
if processes := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):  # each has its own cores
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
os.environ["PYTHONPATH"] = os.pathsep.join([str(SUPPORT), str(REPOSITORY)])
os.environ.setdefault("COURSE_HOME", str(Path(tempfile.gettempdir()) / "course-test-home"))
for variable in ("COURSE_CORPUS", "COURSE_PROFILE", "COURSE_REPO", "COURSE_ENDPOINT"):
    os.environ.pop(variable, None)


@pytest.fixture
def fresh_home(tmp_path, monkeypatch) -> Path:
    """An empty COURSE_HOME: no settings, no progress; Python's documentation is not read again."""
    folder, made = tmp_path / "home", places.cache_folder().glob("corpus-python-docs-small*")
    cache = folder / ".course" / "cache"
    cache.mkdir(parents=True)
    for path in made:
        shutil.copy(path, cache)
    monkeypatch.setenv("COURSE_HOME", str(folder))
    return folder


@pytest.fixture
def full_disk(fresh_home, monkeypatch) -> None:
    """Nothing can be written any more."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    monkeypatch.setattr("course_lib.workbook.training.save_file", full)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The folder of a tiny Falcon that knows a little of the handbook."""
    from tiny_falcon import save_falcon

    return save_falcon(tmp_path_factory.mktemp("models") / "tiny-falcon", steps=40)


@pytest.fixture(scope="session")
def tiny_llama(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of SmolLM2's kind that knows nothing, with the tiny Falcon's tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder, tokenizer = tmp_path_factory.mktemp("llama"), AutoTokenizer.from_pretrained(tiny)
    shape = dict(hidden_size=128, intermediate_size=192, num_hidden_layers=2)
    shape |= dict(num_attention_heads=4, num_key_value_heads=2, eos_token_id=0, bos_token_id=0)
    shape |= dict(vocab_size=len(tokenizer), tie_word_embeddings=True)
    LlamaForCausalLM(LlamaConfig(**shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def figures_are_labelled(monkeypatch) -> None:
    """Every figure of ours has a title, and labels on its axes; a learner's need not."""
    from course_lib.workbook.figures import DescribedFigure

    made = DescribedFigure.__init__

    def make(self: DescribedFigure, figure: Any, sentence: str) -> None:
        titled = figure.get_suptitle() or all(axis.get_title() for axis in figure.axes[:1])
        assert titled, "the figure has no title"
        for axis in figure.axes:
            if axis.axison and axis.get_label() != "<colorbar>":
                labelled = axis.get_xlabel() and axis.get_ylabel()
                assert labelled, f"an axis of {axis.get_title()!r} has no label"
        made(self, figure, sentence)

    monkeypatch.setattr(DescribedFigure, "__init__", make)


def wants_smollm2(item: pytest.Item) -> bool:
    """Marked so, or it runs a notebook that loads the model and does not go on without it."""
    given = item.callspec.params.values() if hasattr(item, "callspec") else ()
    notebooks = [p for p in (item.path, *given) if getattr(p, "suffix", "") == ".ipynb"]
    texts = [path.read_text(encoding="utf-8") for path in notebooks]
    named = any("smollm2" in text and "CourseError as missing" not in text for text in texts)
    return named or "needs_smollm2" in item.keywords


# What takes longest begins first, so that two processes end together.
LONGEST = (".ipynb", "on_corpora", "test_browser", "tests/finetuning", "tests/alignment")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="only with `python3 -m course_lib test --thorough`")
    absent = pytest.mark.skip(reason="SmolLM2 is not there and could not be fetched")
    for item in items:
        if "thorough" in item.keywords and not os.environ.get("COURSE_THOROUGH"):
            item.add_marker(skip)
        if not smollm2.is_ready() and wants_smollm2(item):
            item.add_marker(absent)
    items.sort(key=lambda item: [word not in item.nodeid for word in LONGEST])
    gc.freeze()  # what is imported is no garbage: each training looks for some, which took seconds


class ByFile(LoadScopeScheduling):
    """A file or a notebook stays in one process; a notebook on a corpus is on its own."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if "on_corpora" in nodeid else nodeid.split("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    config.option.loadscopereorder = False  # in the order from above
    return ByFile(config, log)
