"""What this machine is, how threads compute on it, and the verb ``doctor``: what will work here.

Importing it needs the standard library only; psutil and torch are asked when they are there.
"""

import contextlib
import ctypes
import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import bootstrap, places
from course_lib.workbook import smollm2

CONTAINER = Path("/sys/fs/cgroup")  # Linux's control groups
CPU = Path("/proc/cpuinfo")  # Linux's, too
SPIN_COUNT = 100_000
OK, NOTE, PROBLEM = "ok", "note", "problem"
Finding = tuple[str, str, str]  # how bad it is; what was looked at; what was found and what to do


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts about this machine; None where nobody could say. Sizes are in bytes."""

    python: str
    platform: str
    cores: int
    memory_total: int | None
    memory_available: int | None
    disk_free: int
    torch: str | None = None
    gpu_name: str | None = None
    gpu_memory: int | None = None
    gpu_capability: tuple[int, int] | None = None
    nvidia_driver: bool = False
    mps: bool = False
    fast_bf16: bool = False

    @property
    def bf16(self) -> str:
        """How bf16 is computed: ``native`` (Ampere and later), ``emulated`` or ``""`` (no GPU)."""
        if self.gpu_capability is None:
            return ""
        return "native" if self.gpu_capability >= (8, 0) else "emulated"

    @property
    def number_type(self) -> str:
        """What is fast here, in torch's words: bf16 is 3 times as fast as fp32, where it is."""
        fast = {"native": "bfloat16", "emulated": "float16"}
        return fast.get(self.bf16, "bfloat16" if self.fast_bf16 else "float32")

    def describe(self) -> list[tuple[str, str]]:
        """Rows of a table: what, and how much of it."""
        memory = f"{gigabytes(self.memory_total)}, {gigabytes(self.memory_available)} available"
        return [
            ("Python", self.python),
            ("System", self.platform),
            ("Processor", f"{self.cores} cores usable"),
            ("Memory", memory),
            ("Disk", f"{gigabytes(self.disk_free)} free"),
            ("Graphics card", self.gpu_sentence()),
            ("torch", self.torch or "not installed"),
        ]

    def gpu_sentence(self) -> str:
        """The graphics card in a few words."""
        if self.gpu_name:
            bf16 = "bf16" if self.bf16 == "native" else "no native bf16: fp16 is used"
            return f"{self.gpu_name}, {gigabytes(self.gpu_memory)}, {bf16}"
        if self.mps:
            return "Apple's, through MPS; shares the memory"
        return "none that torch can use: everything runs on the processor"


def look() -> Machine:
    """Ask this machine. What cannot be found out is None or False."""
    total, available = _memory()
    allowed = getattr(os, "sched_getaffinity", None)  # Linux: the cores for this process
    return Machine(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()}, {platform.machine()}",
        cores=len(allowed(0)) if allowed else os.cpu_count() or 1,
        memory_total=total,
        memory_available=available,
        disk_free=shutil.disk_usage(places.home()).free,
        nvidia_driver=bootstrap.has_nvidia(),
        torch=bootstrap.version_of("torch"),
        fast_bf16=CPU.is_file() and bool(re.search("amx_bf16|avx512_bf16", CPU.read_text("utf-8"))),
        **_graphics(),
    )


def gigabytes(size: int | None) -> str:
    """``15.6 GB``; "unknown" for None."""
    return "unknown" if size is None else f"{size / 1e9:.{1 if size < 1e11 else 0}f} GB"


def _memory() -> tuple[int | None, int | None]:
    """Total and available memory; a container's limit counts when it is lower."""
    try:
        import psutil

        total, available = psutil.virtual_memory()[:2]
    except Exception:  # not installed yet, or no right to look
        known = hasattr(os, "sysconf")  # Windows has none
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if known else None, None
    with contextlib.suppress(OSError, ValueError):  # "max" is no number, and no limit
        limit, used = (int((CONTAINER / f"memory.{x}").read_text()) for x in ("max", "current"))
        if limit < total:
            total, available = limit, min(available, max(0, limit - used))
    return total, available


def _graphics() -> dict[str, Any]:
    """What torch says about a graphics card; nothing without torch, or with a broken one."""
    with contextlib.suppress(Exception):
        import torch

        if not torch.cuda.is_available():
            return {"mps": torch.backends.mps.is_available()}
        card = torch.cuda.get_device_properties(0)
        size, capability = card.total_memory, (card.major, card.minor)
        return {"gpu_name": card.name, "gpu_memory": size, "gpu_capability": capability}
    return {}


def set_thread_policy() -> None:
    """Before torch is imported: bound how long idle threads spin, unless the user has a policy.

    torch and bitsandbytes each bring an OpenMP runtime whose idle threads spin. On a quiet machine
    that is fastest; with other work on the cores a training step becomes several times slower. A
    bounded spin is near the best in both cases: ``benchmarks/threads.py`` measures it.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
    # oneDNN keeps code for 1,024 shapes of products in bf16, up to 1 MB each; ours vary by batch.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within, torch computes on one thread: faster for small tensors, and the same everywhere."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def release_threads() -> None:
    """Let go of the threads that help this one to compute: another one is about to take over.

    GNU's OpenMP, torch's on Linux, counts the helpers of every thread that has computed. Where they
    are more than the cores, all of them fall asleep after each operation: the steps of a server's
    thread took 1.7 times as long. The next computation here gets new helpers.
    """
    with contextlib.suppress(OSError, AttributeError):  # another system, another OpenMP
        lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
        for library in {line.split(maxsplit=5)[-1] for line in lines if "/libgomp" in line}:
            ctypes.CDLL(library).omp_pause_resource_all(1)  # softly: nothing is lost


def doctor() -> int:
    """Print the findings and a line for a teacher. Returns 1 when there is a problem, else 0."""
    here = look()
    findings = list(examine(here))
    for level, what, text in findings:
        print(f"{level:8}{what}: {text}")
    print(f"\nTo send to a teacher: {summary(here, findings)}")
    return int(any(level == PROBLEM for level, _, _ in findings))


def examine(here: Machine) -> Iterator[Finding]:
    """All findings about this machine, in the order in which they matter.

    No graphics card or no network is a note: the course works without. A problem stops it.
    """
    facts = dict(here.describe())
    yield OK, "Python", f"{here.python}; {facts['System']}"
    if lacking := bootstrap.unmet("lab"):
        names = ", ".join(f"{need} (here: {version or 'none'})" for need, version in lacking)
        level, text = (PROBLEM, names) if here.torch else (NOTE, "not installed yet")
        yield level, "Packages", f"{text}: `python3 -m course_lib lab` installs what is needed"
    else:
        yield OK, "Packages", f"as the course wants them, torch {here.torch}"
    total, free = here.memory_total or 8e9, here.disk_free
    advice = "; notebooks take up to 4 GB: close other programs, or use Google Colab"
    level = OK if total > 7.5e9 else NOTE if total > 3.5e9 else PROBLEM  # "8 GB" is a little less
    yield level, "Memory", facts["Memory"] + (advice if level != OK else "")
    level = OK if free >= (5e8 if here.torch else 4e9) else PROBLEM
    yield level, "Disk", facts["Disk"] + (": too little, free some" if level != OK else "")
    yield OK, "Folder", places.home_note() or "the checkout itself"
    ready, missing = smollm2.is_ready(), "not there: `python3 -m course_lib lab` fetches it (93 MB)"
    there = f"there (273 MB), computes in {here.number_type}"
    yield OK if ready else NOTE, "SmolLM2", there if ready else missing
    yield graphics(here)
    yield NOTE if here.cores < 2 else OK, "Processor", facts["Processor"]
    offline = os.environ.get("HF_HUB_OFFLINE")
    reached = not offline and bootstrap.answers("https://huggingface.co", seconds=2.0)
    text = "can be reached" if reached else "cannot be reached, or HF_HUB_OFFLINE is set"
    yield OK if reached else NOTE, "Hub", f"{text}; the large models and hub: corpora need it"


def graphics(here: Machine) -> Finding:
    """The graphics card: none is a note, an unused one too, with what to do."""
    level, text = NOTE, here.gpu_sentence()
    if here.mps or (here.bf16 == "native" and here.gpu_memory >= 10e9):
        level = OK
    elif here.bf16 == "native":
        text += "; too small for Falcon-7B, the notebooks take mini-falcon"
    elif here.nvidia_driver and not here.gpu_name:
        text = "NVIDIA's driver is there, but torch sees no card: install torch, update the driver"
    return level, "Graphics card", text


def summary(here: Machine, findings: list[Finding]) -> str:
    """One line without a user name or a path: what a teacher needs to know."""
    facts = [f"{name} {value}" for name, value in here.describe()]
    there = all(level == OK for level, what, _ in findings if what == "SmolLM2")
    facts.append(f"SmolLM2 {'there' if there else 'not there'}")
    problems = ", ".join(what for level, what, _ in findings if level == PROBLEM)
    verdict = f"problems: {problems}" if problems else "no problem"
    return "; ".join([f"course {places.VERSION}", *facts, verdict])
