"""Colab, or a notebook on its own: add what the running interpreter lacks, and nothing else."""

import contextlib
import importlib
import sys
import tempfile
from pathlib import Path

from course_lib.bootstrap import pip_run, requirements
from course_lib.bootstrap.display import Display


def install_missing():
    """Install the packages that are not there; the front end is there already.

    What is installed keeps its version, torch above all: on Colab or a shared machine that
    is for its owner to decide. A version outside the course's range is named. Raises
    CourseError when pip fails.
    """
    wanted = requirements.needed()
    absent = [line for line in wanted if requirements.installed(line.name) is None]
    for line in requirements.unmet(wanted):
        if line not in absent:
            version = requirements.installed(line.name)
            print(
                "{} {} is installed, the course wants {}: some cells may not work.".format(
                    line.name, version, line.line.split(";")[0].strip()
                )
            )
    if not absent:
        return
    print("Installing what is missing: {}".format(", ".join(line.name for line in absent)))
    keep = [
        "{}=={}".format(line.name, requirements.installed(line.name))
        for line in wanted
        if line not in absent
    ]
    with tempfile.TemporaryDirectory() as folder:
        limits = Path(folder) / "keep.txt"
        limits.write_text("\n".join(keep) + "\n", encoding="utf-8")
        _install([line for line in absent if line.name not in requirements.OPTIONAL], limits)
        for line in absent:
            if line.name in requirements.OPTIONAL:
                with contextlib.suppress(
                    pip_run.PipFailed
                ):  # no wheel here: the course works without
                    _install([line], limits)
    importlib.invalidate_caches()


def _install(lines, limits):
    if lines:
        specifiers = [line.line.split(";")[0].strip() for line in lines]
        pip_run.pip_install(
            sys.executable, ["-c", limits] + specifiers, Display(), total=len(lines)
        )
