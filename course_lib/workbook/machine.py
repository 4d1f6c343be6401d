"""What this machine is: the table of notebook 00 and the ground of ``doctor``.

Importing it needs the standard library only; psutil and torch are asked when they are there,
so that ``doctor`` also works before anything is installed.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from course_lib import places
from course_lib.bootstrap import platforms

BF16_CAPABILITY = (8, 0)  # Ampere: the first NVIDIA generation that computes in bf16
GENERATIONS = {
    (5, 0): "Maxwell",
    (6, 0): "Pascal",
    (7, 0): "Volta",
    (7, 5): "Turing",
    (8, 0): "Ampere",
    (8, 9): "Ada",
    (9, 0): "Hopper",
    (10, 0): "Blackwell",
}


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
    avx512_bf16: bool = False

    @property
    def bf16(self) -> str:
        """How the device computes in bf16: ``native``, ``emulated`` (slow; a T4 for example) or ``""`` (no GPU)."""
        if self.gpu_capability is None:
            return ""
        return "native" if self.gpu_capability >= BF16_CAPABILITY else "emulated"

    @property
    def gpu_generation(self) -> str:
        """``Turing`` for a T4; "" without an NVIDIA card."""
        if self.gpu_capability is None:
            return ""
        known = [
            name for capability, name in GENERATIONS.items() if capability <= self.gpu_capability
        ]
        return known[-1] if known else "older than Maxwell"

    def describe(self) -> list[tuple[str, str]]:
        """Rows of a table: what, and how much of it."""
        return [
            ("Python", self.python),
            ("System", self.platform),
            ("Processor", f"{self.cores} cores usable"),
            (
                "Memory",
                f"{gigabytes(self.memory_total)}, {gigabytes(self.memory_available)} available",
            ),
            ("Disk", f"{gigabytes(self.disk_free)} free"),
            ("Graphics card", self.gpu_sentence()),
            ("torch", self.torch or "not installed"),
        ]

    def gpu_sentence(self) -> str:
        """The graphics card in a few words."""
        if self.gpu_name:
            bf16 = "bf16" if self.bf16 == "native" else "no native bf16: fp16 is used"
            return f"{self.gpu_name} ({self.gpu_generation}), {gigabytes(self.gpu_memory)}, {bf16}"
        if self.mps:
            return "Apple's, through MPS; shares the memory"
        return "none that torch can use: everything runs on the processor"


def look() -> Machine:
    """Ask this machine. Never fails: what cannot be found out is None or False."""
    total, available = _memory()
    return Machine(
        python=platform.python_version(),
        platform=_system(),
        cores=_cores(),
        memory_total=total,
        memory_available=available,
        disk_free=_disk_free(),
        nvidia_driver=platforms.has_nvidia(),
        avx512_bf16=_avx512_bf16(),
        **_torch_facts(),
    )


def gigabytes(size: int | None) -> str:
    """``15.6 GB``; "unknown" for None."""
    if size is None:
        return "unknown"
    return f"{size / 1e9:.0f} GB" if size >= 1e11 else f"{size / 1e9:.1f} GB"


def _system() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}, {platform.machine()}"
    return f"{platform.system()} {platform.release()}, {platform.machine()}"


def _cores() -> int:
    """Cores that this process may use; a container may have fewer than the machine."""
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    quota = _number_in("/sys/fs/cgroup/cpu.max", 0)
    period = _number_in("/sys/fs/cgroup/cpu.max", 1)
    if quota and period:
        cores = max(1, min(cores, round(quota / period)))
    return cores


def _memory() -> tuple[int | None, int | None]:
    """Total and available memory; a container's limit counts when it is lower."""
    try:
        import psutil

        memory = psutil.virtual_memory()
        total, available = memory.total, memory.available
    except Exception:  # not installed yet, or no right to look
        return _memory_from_system()
    limit, used = (
        _number_in("/sys/fs/cgroup/memory.max"),
        _number_in("/sys/fs/cgroup/memory.current"),
    )
    if limit and limit < total:
        total, available = limit, min(available, max(0, limit - (used or 0)))
    return total, available


def _memory_from_system() -> tuple[int | None, int | None]:
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total = page * os.sysconf("SC_PHYS_PAGES")
        return total, page * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf, macOS not every name
        return None, None


def _number_in(file: str, position: int = 0) -> int | None:
    try:
        return int(Path(file).read_text(encoding="ascii").split()[position])
    except (OSError, ValueError, IndexError):
        return None


def _disk_free() -> int | None:
    try:
        return shutil.disk_usage(places.home()).free
    except OSError:
        return None


def _avx512_bf16() -> bool:
    """True on processors on which bitsandbytes repacks 4-bit weights in its own way."""
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _torch_facts() -> dict[str, Any]:
    """What torch says; without it, or with a broken one, what the driver says about the card."""
    try:
        facts: dict[str, Any] = {"torch": metadata.version("torch")}
    except metadata.PackageNotFoundError:
        return _driver_facts()
    try:
        import torch

        if torch.cuda.is_available():
            properties = torch.cuda.get_device_properties(0)
            return facts | {
                "gpu_name": properties.name,
                "gpu_memory": properties.total_memory,
                "gpu_capability": (properties.major, properties.minor),
            }
        return facts | {"mps": torch.backends.mps.is_available()}
    except Exception:  # a broken installation must not break the doctor
        return {"torch": None}


def _driver_facts() -> dict[str, Any]:
    """The first card in nvidia-smi's words."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    query = [program, "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, timeout=10, check=True)
        name, memory, capability = (
            done.stdout.decode("utf-8", "replace").splitlines()[0].split(", ")
        )
        major, minor = capability.split(".")
        return {
            "gpu_name": name,
            "gpu_memory": int(float(memory) * 2**20),
            "gpu_capability": (int(major), int(minor)),
        }
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return {}
