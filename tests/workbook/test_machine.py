"""The facts about a machine, on this one and on pretended ones."""

import builtins
import sys
import types

import pytest

from course_lib.workbook import machine
from course_lib.workbook.machine import Machine


def make(**facts: object) -> Machine:
    usual = {
        "python": "3.11.7",
        "platform": "Linux 6.1, x86_64",
        "cores": 2,
        "memory_total": 16 * 10**9,
        "memory_available": 8 * 10**9,
        "disk_free": 50 * 10**9,
    }
    return Machine(**{**usual, **facts})


def test_this_machine_is_described() -> None:
    here = machine.look()
    assert (
        here.cores >= 1
        and here.memory_total > 10**8
        and 0 < here.memory_available <= here.memory_total
    )
    rows = dict(here.describe())
    assert rows["Python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(rows) == {
        "Python",
        "System",
        "Processor",
        "Memory",
        "Disk",
        "Graphics card",
        "torch",
    }
    assert all(value and "None" not in value for value in rows.values())


def test_it_survives_without_psutil_and_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: object) -> types.ModuleType:
        if name.split(".")[0] in ("torch", "psutil"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(machine, "_driver_facts", lambda: {})
    here = machine.look()
    assert here.torch is None and here.gpu_name is None and here.memory_total
    assert here.describe()


def test_a_t4_computes_bf16_only_by_emulation() -> None:
    t4 = make(gpu_name="Tesla T4", gpu_memory=15 * 10**9, gpu_capability=(7, 5))
    assert (t4.bf16, t4.gpu_generation) == ("emulated", "Turing")
    assert "no native bf16" in t4.gpu_sentence()
    a10 = make(gpu_name="A10G", gpu_memory=24 * 10**9, gpu_capability=(8, 6))
    assert (a10.bf16, a10.gpu_generation) == ("native", "Ampere")
    new = make(gpu_name="X", gpu_memory=24 * 10**9, gpu_capability=(12, 0))
    assert (new.bf16, new.gpu_generation) == ("native", "Blackwell")
    assert make().bf16 == "" == make().gpu_generation


def test_apple_and_no_card() -> None:
    assert "MPS" in make(mps=True).gpu_sentence()
    assert make().gpu_sentence().startswith("none")


def test_what_is_unknown_is_called_unknown() -> None:
    rows = dict(make(memory_total=None, memory_available=None, disk_free=None).describe())
    assert rows["Memory"] == "unknown, unknown available" and rows["Disk"] == "unknown free"


def test_a_containers_limits_count(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {
        ("/sys/fs/cgroup/cpu.max", 0): 50_000,
        ("/sys/fs/cgroup/cpu.max", 1): 100_000,
        ("/sys/fs/cgroup/memory.max", 0): 10**9,
        ("/sys/fs/cgroup/memory.current", 0): 4 * 10**8,
    }
    monkeypatch.setattr(
        machine, "_number_in", lambda file, position=0: limits.get((file, position))
    )
    assert machine._cores() == 1
    total, available = machine._memory()
    assert total == 10**9 and available <= 6 * 10**8
