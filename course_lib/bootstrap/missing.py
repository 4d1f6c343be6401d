"""Colab, or a notebook on its own: add what the running interpreter lacks, and nothing else."""
import subprocess
import sys
import tempfile
from pathlib import Path

from course_lib.bootstrap import requirements


def install_missing():
    """Install the packages that are not there. torch is left alone whatever its version.

    An installed package that is older than the course wants is named, not replaced: on a
    shared machine that is for its owner to decide.
    """
    absent = []
    for name, wanted, have in requirements.unmet(extras=()):  # the front end is there already
        if have is None:
            absent.append(name + wanted)
        else:
            print("{} {} is installed and the course wants {}: some cells may not work.".format(name, have, wanted))
    if not absent:
        return
    print("Installing what is missing: {}".format(", ".join(absent)))
    with tempfile.TemporaryDirectory() as folder:
        limits = Path(folder) / "keep.txt"
        keep = requirements.installed_version("torch")
        limits.write_text("torch=={}\n".format(keep) if keep else "", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "-q", "-c", str(limits)] + absent
        if subprocess.run(command).returncode:
            raise SystemExit("The packages could not be installed: check the network, then run this cell again.")
