"""The verb ``doctor``: what will work on this machine, what will not, and what to do.

Having no graphics card or no network is a note: the course works without. A problem stops it.
"""

import os
from collections.abc import Iterator

import course_lib
from course_lib import bootstrap, places
from course_lib.workbook.machine import Machine, look

OK, NOTE, PROBLEM = "ok", "note", "problem"
Finding = tuple[str, str, str]  # how bad it is; what was looked at; what was found and what to do


def main() -> int:
    """Print the findings and a line for a teacher. Returns 1 when there is a problem, else 0."""
    here = look()
    findings = list(examine(here))
    for level, what, text in findings:
        print(f"{level:8}{what}: {text}")
    print(f"\nTo send to a teacher: {summary(here, findings)}")
    return int(any(level == PROBLEM for level, _, _ in findings))


def examine(here: Machine) -> Iterator[Finding]:
    """All findings about this machine, in the order in which they matter."""
    facts = dict(here.describe())
    yield OK, "Python", f"{here.python}; {facts['System']}"
    yield packages(here)
    total, free = here.memory_total or 8e9, here.disk_free or 4e9
    advice = "; notebooks take up to 4 GB: close other programs, or use Google Colab"
    level = OK if total > 7.5e9 else NOTE if total > 3.5e9 else PROBLEM  # "8 GB" is a little less
    yield level, "Memory", facts["Memory"] + (advice if level != OK else "")
    level = OK if free >= (5e8 if here.torch else 4e9) else PROBLEM
    yield level, "Disk", facts["Disk"] + (": too little, free some" if level != OK else "")
    yield OK, "Folder", places.home_note() or "the checkout itself"
    yield graphics(here)
    yield NOTE if here.cores < 2 else OK, "Processor", facts["Processor"]
    asked = not os.environ.get("HF_HUB_OFFLINE")
    reached = asked and bootstrap.answers("https://huggingface.co", seconds=2.0)
    text = (
        "can be reached" if reached else "cannot be reached" if asked else "HF_HUB_OFFLINE is set"
    )
    yield OK if reached else NOTE, "Hub", f"{text}; the large models and hub: corpora need it"


def packages(here: Machine) -> Finding:
    """Whether what the course imports is there, in versions that it works with."""
    lacking = bootstrap.unmet("lab")
    cure = "`python3 -m course_lib lab` installs what is needed"
    if lacking and here.torch is None:
        return NOTE, "Packages", f"not installed yet: {cure}"
    if lacking:
        names = ", ".join(f"{need} (here: {version or 'none'})" for need, version in lacking)
        return PROBLEM, "Packages", f"{names}: {cure}"
    return OK, "Packages", f"as the course wants them, torch {here.torch}"


def graphics(here: Machine) -> Finding:
    """The graphics card: none is a note, an unused one too, with what to do."""
    what, text = "Graphics card", here.gpu_sentence()
    if here.mps or (here.bf16 == "native" and (here.gpu_memory or 0) >= 10e9):
        return OK, what, text
    if here.gpu_name and here.bf16 == "native":
        return NOTE, what, f"{text}; too small for Falcon-7B, the notebooks take mini-falcon"
    if here.nvidia_driver and not here.gpu_name:
        text = "NVIDIA's driver is there, but torch sees no card: install torch, update the driver"
    return NOTE, what, text


def summary(here: Machine, findings: list[Finding]) -> str:
    """One line without a user name or a path: what a teacher needs to know."""
    facts = [f"{name} {value}" for name, value in here.describe()]
    problems = [what for level, what, _ in findings if level == PROBLEM]
    verdict = f"problems: {', '.join(problems)}" if problems else "no problem"
    return "; ".join([f"course {course_lib.__version__}", *facts, verdict])
