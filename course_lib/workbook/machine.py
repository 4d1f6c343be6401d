"""What this machine is: the table of notebook 00 and the ground of ``doctor``.

Importing it needs the standard library only; psutil and torch are asked when they are there.
"""

import contextlib
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import bootstrap, places

CONTAINER = Path("/sys/fs/cgroup")  # Linux's control groups


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts about this machine; None where nobody could say. Sizes are in bytes."""

    python: str
    platform: str
    cores: int
    memory_total: int | None
    memory_available: int | None
    disk_free: int | None
    torch: str | None = None
    gpu_name: str | None = None
    gpu_memory: int | None = None
    gpu_capability: tuple[int, int] | None = None
    nvidia_driver: bool = False
    mps: bool = False

    @property
    def bf16(self) -> str:
        """How bf16 is computed: ``native`` (Ampere and later), ``emulated`` or ``""`` (no GPU)."""
        if self.gpu_capability is None:
            return ""
        return "native" if self.gpu_capability >= (8, 0) else "emulated"

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
