"""What this computer is to the package index: which torch fits, and where there is none."""

import os
import platform
import shutil
import sys
import sysconfig
import threading
import urllib.request

from course_lib.errors import CourseError

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 14)  # the newest that the locked torch has wheels for
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CUDA_INDEX = "https://download.pytorch.org/whl/cu130"  # what the locked torch is built with
PATIENCE = 4.0  # seconds for the question whether such an index can be reached


def refuse_hopeless():
    """Say before anything is installed that PyTorch has no package for this computer.

    Raises CourseError on Intel Macs, Windows on ARM, 32-bit Python, musl and a Python that is
    too new; elsewhere nothing happens.
    """
    machine = platform.machine()
    other = "open the notebooks on Google Colab or use another computer"
    if sys.version_info[:2] > NEWEST_PYTHON:
        newest = "{}.{}".format(*NEWEST_PYTHON)
        raise CourseError(
            "PyTorch has no package for Python {}.{} yet: install Python {newest} beside it and start "
            "the command with that, for example `python{newest} -m course_lib lab`.".format(
                *sys.version_info[:2], newest=newest
            )
        )
    if sys.maxsize <= 2**32:
        raise CourseError(
            "This Python is a 32-bit one, for which PyTorch has no package: install a 64-bit Python."
        )
    if sys.platform == "darwin" and machine == "x86_64":
        if _translated():
            raise CourseError(
                "This Python was built for Intel Macs, for which PyTorch has no package, but your Mac has "
                "an Apple chip: install Python from python.org and start the command with that."
            )
        raise CourseError(
            "PyTorch has no package for Macs with an Intel processor any more: {}.".format(other)
        )
    if sys.platform == "win32" and machine == "ARM64":
        raise CourseError(
            "PyTorch has no package for Python on Windows with an ARM processor: install the 64-bit "
            "Python for x86 (AMD64) from python.org, which runs here too."
        )
    if sys.platform.startswith("linux") and "musl" in (
        sysconfig.get_config_var("HOST_GNU_TYPE") or ""
    ):
        raise CourseError(
            "PyTorch has no package for Linux with musl, such as Alpine: use a distribution with glibc "
            "(Debian, Ubuntu, Fedora), in a container for example."
        )
    if sys.platform.startswith("linux") and machine not in ("x86_64", "aarch64"):
        raise CourseError("PyTorch has no package for {} processors: {}.".format(machine, other))


def _translated():
    """True when a Python for Intel runs on an Apple chip (Rosetta)."""
    return "ARM64" in platform.version().upper()


def has_nvidia():
    """True when an NVIDIA driver is there; torch need not be installed to ask."""
    return os.path.exists("/proc/driver/nvidia/version") or shutil.which("nvidia-smi") is not None


def torch_index():
    """The PyTorch index that fits better than the general one, or "" to use what pip finds.

    Linux without an NVIDIA card: the CPU build, which spares gigabytes. Windows with one: the
    CUDA build, since the general index has only the CPU's there. An index that does not
    answer within a few seconds is not used.
    """
    if sys.platform.startswith("linux") and not has_nvidia():
        index = CPU_INDEX
    elif sys.platform == "win32" and has_nvidia():
        index = CUDA_INDEX
    else:
        return ""
    return index if answers(index + "/torch/") else ""


def answers(address, patience=PATIENCE):
    """True when the address can be opened within ``patience`` seconds, name look-up included."""
    result = []

    def ask():
        try:
            with urllib.request.urlopen(address, timeout=patience) as reply:
                result.append(reply.status < 400)
        except (OSError, ValueError):
            pass

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience + 1)
    return bool(result and result[0])
