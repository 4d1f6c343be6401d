"""The verb ``doctor``: what will work on this machine, what will not, and what to do.

Needs only the standard library, so that it also speaks before anything is installed. Having
no graphics card, no network or no bf16 is a note: the course works without. A problem is
what stops it, and only that makes the exit status 1.
"""

import os
import platform
from dataclasses import dataclass

import course_lib
from course_lib import places
from course_lib.bootstrap import guards, platforms, requirements
from course_lib.errors import CourseError
from course_lib.workbook import machine as machines
from course_lib.workbook.machine import Machine, gigabytes

OK, NOTE, PROBLEM = "ok", "note", "problem"
HUB = "https://huggingface.co"
HUB_SECONDS = 2.0
LITTLE_MEMORY, TOO_LITTLE_MEMORY = 7.5e9, 3.5e9  # an "8 GB" machine reports a little less
LITTLE_DISK, TOO_LITTLE_DISK = 4e9, 0.5e9
FALCON_4BIT = 10e9  # Falcon-7B in 4 bits with adapters fits with some room


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: ``ok``, ``note`` or ``problem``; what was looked at; what was found and what to do."""

    level: str
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:8}{self.what}: {self.text}"


def main() -> int:
    """Print the findings and a last line for a teacher. Returns 1 when there is a problem, else 0."""
    here = machines.look()
    findings = examine(here)
    for finding in findings:
        print(finding)
    print()
    print(f"To send to a teacher: {summary(here, findings)}")
    return int(any(finding.level == PROBLEM for finding in findings))


def examine(here: Machine) -> list[Finding]:
    """All findings about this machine, in the order in which they matter."""
    return [
        python(),
        packages(),
        memory(here),
        disk(here),
        place(),
        graphics(here),
        *processor(here),
        hub(),
    ]


def python() -> Finding:
    """The version of Python, and whether torch exists for it."""
    version = f"{platform.python_version()}, {platform.machine()}"
    if requirements.installed("torch") is None:
        try:
            platforms.refuse_hopeless()
        except CourseError as error:
            return Finding(PROBLEM, "Python", f"{version}. {error}")
        if not guards.has_venv():
            return Finding(PROBLEM, "Python", f"{version}. {guards.no_venv()}")
    return Finding(OK, "Python", version)


def packages() -> Finding:
    """Whether what the course imports is there, and whether it is what the lock names."""
    missing = [
        line
        for line in requirements.unmet(requirements.needed("lab"))
        if line.name not in requirements.OPTIONAL
    ]
    installed = {
        line.name: requirements.installed(line.name) for line in requirements.needed("lab")
    }
    if missing and installed["torch"] is None:
        return Finding(
            NOTE,
            "Packages",
            "not installed yet: `python3 -m course_lib lab` does it, in a few minutes",
        )
    if missing:
        wrong = ", ".join(f"{line.name} {installed[line.name] or 'missing'}" for line in missing)
        return Finding(
            PROBLEM,
            "Packages",
            f"{wrong}: start `python3 -m course_lib lab` once, which repairs them",
        )
    locked = {
        line.name: line.bounds[0][1]
        for line in requirements.lock_lines(places.REPOSITORY / requirements.BASE_LOCK)
    }
    other = [
        f"{name} {version}"
        for name, version in installed.items()
        if version
        and name in locked
        and requirements.release(version) != requirements.release(locked[name])
    ]
    if other:
        return Finding(
            NOTE,
            "Packages",
            f"inside the course's ranges, but not the locked versions: {', '.join(other)}",
        )
    absent = [name for name, version in installed.items() if version is None]
    if absent:
        return Finding(
            NOTE,
            "Packages",
            f"as in requirements.lock, without {', '.join(absent)}, which is optional",
        )
    return Finding(OK, "Packages", f"as in requirements.lock (torch {installed['torch']})")


def memory(here: Machine) -> Finding:
    """Enough memory? The notebooks take up to 4 GB."""
    if here.memory_total is None:
        return Finding(
            NOTE, "Memory", "unknown until the packages are installed; 8 GB are comfortable"
        )
    text = f"{gigabytes(here.memory_total)}, {gigabytes(here.memory_available)} available"
    if here.memory_total < TOO_LITTLE_MEMORY:
        return Finding(
            PROBLEM,
            "Memory",
            f"{text}; notebooks take up to 4 GB: use another computer or Google Colab",
        )
    if here.memory_total < LITTLE_MEMORY:
        return Finding(
            NOTE,
            "Memory",
            f"{text}; notebooks take up to 4 GB: close other programs, one notebook at a time",
        )
    return Finding(OK, "Memory", text)


def disk(here: Machine) -> Finding:
    """Enough room for the packages (before they are installed) and the caches?"""
    if here.disk_free is None:
        return Finding(NOTE, "Disk", "its free space is unknown; the course takes about 4 GB")
    text = f"{gigabytes(here.disk_free)} free"
    needed = TOO_LITTLE_DISK if here.torch else LITTLE_DISK
    if here.disk_free < needed:
        return Finding(
            PROBLEM, "Disk", f"{text}: free some, or set COURSE_HOME to a folder on another disk"
        )
    if here.disk_free < LITTLE_DISK:
        return Finding(NOTE, "Disk", f"{text}, enough for the course, not for large models")
    return Finding(OK, "Disk", text)


def place() -> Finding:
    """Where things are written."""
    folder = places.home()
    if not places.is_writable(folder):
        return Finding(
            PROBLEM,
            "Folder",
            f"{folder} may not be written: set COURSE_HOME to a folder of your own",
        )
    return Finding(OK, "Folder", places.home_note() or "the checkout itself")


def graphics(here: Machine) -> Finding:
    """The graphics card: none is a note, an unused one too, with what to do."""
    if here.gpu_name and here.torch is None:
        return Finding(
            OK, "Graphics card", f"{here.gpu_sentence()}; torch will use it once it is installed"
        )
    if here.gpu_name:
        text = here.gpu_sentence()
        if here.bf16 != "native":
            return Finding(
                NOTE, "Graphics card", f"{text}, which the notebooks choose by themselves"
            )
        if here.gpu_memory is not None and here.gpu_memory < FALCON_4BIT:
            return Finding(
                NOTE,
                "Graphics card",
                f"{text}; too small for Falcon-7B, the notebooks take mini-falcon",
            )
        return Finding(OK, "Graphics card", text)
    if here.mps:
        return Finding(OK, "Graphics card", here.gpu_sentence())
    if here.nvidia_driver and here.torch:
        return Finding(
            NOTE,
            "Graphics card",
            f"there is an NVIDIA driver, but torch {here.torch} does not see a card: "
            "update the driver, or delete the environment and start `lab` again",
        )
    return Finding(NOTE, "Graphics card", "none; every notebook is made to run without one")


def processor(here: Machine) -> list[Finding]:
    """Cores, and the one peculiarity that matters."""
    level, text = OK, f"{here.cores} cores usable"
    if here.cores < 2:
        level, text = NOTE, "1 core usable: the longer cells take about twice as long"
    findings = [Finding(level, "Processor", text)]
    if here.avx512_bf16:
        findings.append(
            Finding(
                NOTE,
                "AVX512-BF16",
                "this processor has it; bitsandbytes' own path for it disturbs "
                "training, so the course turns that path off; nothing to do",
            )
        )
    return findings


def hub() -> Finding:
    """Can the Hugging Face hub be reached? The course does not need it."""
    without = "only the large models and hub: corpora need it"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return Finding(NOTE, "Hub", f"not asked, because HF_HUB_OFFLINE is set; {without}")
    if platforms.answers(HUB, HUB_SECONDS):
        return Finding(OK, "Hub", "huggingface.co can be reached")
    return Finding(NOTE, "Hub", f"huggingface.co cannot be reached from here; {without}")


def summary(here: Machine, findings: list[Finding]) -> str:
    """One line without a user name or a path: what a teacher needs to know."""
    facts = [
        f"course {course_lib.__version__}",
        f"Python {here.python}",
        f"{platform.system()} {platform.machine()}",
        f"torch {here.torch or 'not installed'}",
        f"{here.cores} cores",
        gigabytes(here.memory_total) + " memory",
        gigabytes(here.disk_free) + " free",
        here.gpu_name or ("MPS" if here.mps else "no GPU"),
    ]
    for level in (PROBLEM, NOTE):
        names = [finding.what for finding in findings if finding.level == level]
        if names:
            facts.append(f"{level}s: {', '.join(names)}")
    if not any(finding.level == PROBLEM for finding in findings):
        facts.append("no problem")
    return "; ".join(facts)
