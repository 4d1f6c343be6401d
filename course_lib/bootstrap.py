"""From a bare Python to a ready environment: venv and pip, their progress and words as they come.

Standard library only. ``ready`` in the environment is a copy of the lock that is in place. It
is written last, so an installation that was interrupted is simply done again.
"""

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from importlib import invalidate_caches, metadata, util
from urllib.request import urlopen

from course_lib import places
from course_lib.errors import CourseError

PIP_INSTALL = ["-I", "-m", "pip", "install", "--no-input", "--prefer-binary"]
TORCH = "https://download.pytorch.org/whl/"  # PyTorch's own index


def interpreter_for(verb):
    """The Python to run a verb with: this one if it has everything, else the environment's.

    The environment is made first, except for ``doctor``, which looks at what is there.
    """
    folder, test = places.home() / ".venv", verb == "test"
    if not unmet("lab", *(["test"] if test else [])):
        return sys.executable
    lock = places.REPOSITORY / ("requirements-test.lock" if test else "requirements.lock")
    there = finished(folder)
    if verb == "doctor":
        return python_of(folder) if there else sys.executable
    if not pins(lock) <= there:
        wheels = [] if test else packed()
        install(folder, *(wheels or torch_index()), "-r", str(lock))
        shutil.copyfile(str(lock), str(folder / "ready"))
    return python_of(folder)


def python_of(folder):
    """The interpreter of the virtual environment in ``folder``."""
    return str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def pins(lock):
    """The lines of a lock file that name a version."""
    return {line for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line}


def finished(folder):
    """The pins that are in place; none when the environment's Python is broken."""
    with contextlib.suppress(OSError):
        there = pins(folder / "ready")
        if subprocess.call([python_of(folder), "-I", "-c", "import pip"]) == 0:
            return there
    return set()


def install(folder, *wanted):
    """Make or complete an environment; ``wanted`` is for pip. Raises CourseError."""
    if not finished(folder):
        make_environment(folder)
    (folder / "ready").unlink(missing_ok=True)
    print("Installing the packages. It takes a few minutes; Ctrl-C stops it.", flush=True)
    run([python_of(folder), *PIP_INSTALL, *wanted])


def packed():
    """pip's options for the wheels that ``pack`` laid beside the course, checked; none without."""
    wheels = places.REPOSITORY / "wheels"
    if not wheels.is_dir():
        return []
    lists = {path.stem: path for path in wheels.glob("[!.]*.sha256")}
    here = "{}-{}-{}.{}".format(sys.platform, platform.machine(), *sys.version_info)
    if here not in lists:
        there = ", ".join(sorted(lists)) or "nothing: it was not packed to its end"
        raise CourseError(f"{wheels} is for {there}; this is {here}: START.txt says what to do.")
    sums = [line.split("  ") for line in lists[here].read_text(encoding="utf-8").splitlines()]
    if broken := [name for known, name in sums if digest(wheels / name) != known]:
        raise CourseError(f"Missing or damaged in {wheels}: {', '.join(broken)}. Copy it again.")
    return ["--no-index", *sorted({f"--find-links={(wheels / name).parent}" for _, name in sums})]


def digest(path):
    """The SHA-256 of a file, "" when it is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def make_environment(folder):
    """A new virtual environment; what was in ``folder`` goes. Raises CourseError."""
    if not (util.find_spec("ensurepip") and util.find_spec("venv")):  # a bare Debian
        raise CourseError(
            f"This Python ({sys.executable}) has no venv: install it (Debian, Ubuntu: "
            "`sudo apt install python3-venv`), then start the same command again."
        )
    free = shutil.disk_usage(str(folder.parent)).free
    if free < 4e9:  # pip's copies while unpacking included
        raise CourseError(
            f"The disk has {free / 1e9:.1f} GB free and the packages need 4: free some, or set "
            "COURSE_HOME to a folder on another disk, then start the same command again."
        )
    print(f"Making an environment in {folder}", flush=True)
    run([sys.executable, "-I", "-m", "venv", "--clear", str(folder)])


def run(command):
    """Run venv or pip, its words shown as they come. Raises CourseError when it fails."""
    # A notebook shows what Python prints, not what other processes do.
    out, err = (subprocess.PIPE, subprocess.STDOUT) if "ipykernel" in sys.modules else (None, None)
    variables = dict(os.environ, PIP_USER="0")  # it would lead pip out of the environment
    process = subprocess.Popen(command, env=variables, stdout=out, stderr=err, text=True)
    try:
        for line in process.stdout or ():
            print(line, end="", flush=True)
        failed = process.wait()
    finally:
        process.kill()
    if failed:
        raise CourseError(
            "Not everything could be installed: the reason is in the lines above. A proxy needs "
            "HTTPS_PROXY; no torch for this Python: take 64-bit 3.11 to 3.13; then start it again."
        )


def has_nvidia():
    """True when an NVIDIA driver is there; torch need not be installed to ask."""
    return os.path.exists("/proc/driver/nvidia/version") or bool(shutil.which("nvidia-smi"))


def torch_index():
    """pip's option for PyTorch's own index, where its build fits better and it answers; else none.

    Linux without an NVIDIA card: the CPU build, which spares gigabytes. Windows with one: the
    CUDA build, since the general index has only the CPU's there. pip prefers 2.13.0+cpu to 2.13.0.
    """
    build = {("linux", False): "cpu", ("win32", True): "cu130"}.get((sys.platform, has_nvidia()))
    there = build and answers(f"{TORCH}{build}/torch/")
    return ["--extra-index-url", f"{TORCH}{build}"] if there else []


def answers(address, seconds=4.0):
    """True when the address can be opened."""
    with contextlib.suppress(OSError, ValueError), urlopen(address, timeout=seconds) as reply:
        return reply.status < 400
    return False


def needs(*extras):
    """The lines of pyproject.toml: the dependencies and these extras."""
    import tomllib  # Python 3.11

    project = tomllib.loads((places.REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    return sum((project["optional-dependencies"][e] for e in extras), project["dependencies"])


def unmet(*extras):
    """[(requirement, version here or None)]: those needs that this Python does not meet."""
    try:
        from packaging.requirements import Requirement
    except ImportError:  # it comes with half of them
        return [(line, None) for line in needs(*extras)]
    lacking = []
    for need in map(Requirement, needs(*extras)):
        version = version_of(need.name)
        fits = version and need.specifier.contains(version, prereleases=True)
        if not fits and (need.marker is None or need.marker.evaluate()):
            lacking.append((f"{need.name}{need.specifier}", version))
    return lacking


def version_of(name):
    """The version of an installed package, or None."""
    return next((found.version for found in metadata.distributions(name=name)), None)


def install_missing():
    """Colab: install what is not there; torch keeps its version. Raises CourseError."""
    lacking = dict(unmet())
    for need in filter(lacking.get, lacking):  # outside of the range: named, and left alone
        print(f"The course wants {need}, not {lacking[need]}: some cells may fail.")
    absent = [need for need, version in lacking.items() if version is None]
    kept = [f"torch=={version_of('torch')}"] if version_of("torch") else []
    if absent:
        run([sys.executable, *PIP_INSTALL, *kept, *absent])
        invalidate_caches()


def child_environment():
    """The variables of every Python that the course starts: it finds the library, reads UTF-8."""
    path = [str(places.REPOSITORY)] + os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = os.pathsep.join(dict.fromkeys(filter(None, path)))
    return dict(os.environ, PYTHONPATH=path, PYTHONUTF8="1", HF_HUB_DISABLE_TELEMETRY="1")


def hand_over(command, environment):
    """Let a program take this process's place; on Windows wait for it. Returns its exit status."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execve(command[0], command, environment)
    process = subprocess.Popen(command, env=environment)
    while True:
        with contextlib.suppress(KeyboardInterrupt):  # the program has it as well, and decides
            return process.wait()
