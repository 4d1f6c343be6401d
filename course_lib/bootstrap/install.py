"""Installing the locked packages with pip: visible progress, sensible sources, errors as sentences."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from course_lib.bootstrap import places, requirements

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CUDA_INDEX = "https://download.pytorch.org/whl/cu130"
ANSWER_SECONDS = 4


class SetupError(Exception):
    """The environment cannot be made; the text is one sentence with the cure."""


CAUSES = (
    (r"No space left on device|Errno 28|not enough space", "the disk is full: free about 4 GB, or set COURSE_HOME to "
     "a folder on another disk"),
    (r"name resolution|NewConnectionError|ConnectionError|ConnectTimeout|Read timed out|ProxyError|Network is unreachable"
     r"|Connection (?:refused|reset|aborted)|SSLError|IncompleteRead|getaddrinfo failed",
     "the package index cannot be reached: check the network (or the proxy: `pip config set global.proxy …`)"),
    (r"Permission denied|Errno 13|Access is denied", "a file may not be written: close programs that use the "
     "environment, or set COURSE_HOME to a folder of yours"),
    (r"No matching distribution found for (\S+)", "there is no build of a package for this Python and platform: "
     "use Python 3.11, 3.12 or 3.13"),
)  # fmt: skip


def has_nvidia():
    """True when this machine has an NVIDIA graphics card with its driver."""
    return Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None


def answers(index, seconds=ANSWER_SECONDS):
    """True when a package index answers within a few seconds."""
    try:
        with urllib.request.urlopen(index + "/torch/", timeout=seconds) as reply:
            return reply.status == 200
    except (OSError, ValueError):
        return False


def torch_index():
    """Where to take torch from, or None for what pip finds.

    On Linux without an NVIDIA card the usual build would bring gigabytes of CUDA; on Windows
    with one it would have no CUDA at all.
    """
    if sys.platform == "linux" and not has_nvidia() and answers(CPU_INDEX):
        return CPU_INDEX
    if sys.platform == "win32" and has_nvidia() and answers(CUDA_INDEX):
        return CUDA_INDEX
    return None


def install(python, test=False):
    """Install the lock file(s) into the environment of ``python``. What is there already is not fetched again."""
    locks = [requirements.LOCK] + ([requirements.TEST_LOCK] if test else [])
    pins = {}
    for lock in locks:
        pins.update(requirements.locked(lock))
    log = places.state_folder() / "install.log"
    print("Installing {} packages (a few minutes, the first time only; details in {})".format(len(pins), log))
    started = time.time()
    if "torch" in pins:
        index = torch_index()
        source = ["--index-url", index] if index else []
        _pip(python, ["torch==" + pins["torch"]] + source, "torch", 0, log)
    arguments = []
    for lock in locks:
        arguments += ["-r", str(lock)]
    try:
        _pip(python, arguments, "", len(pins), log)
    except SetupError:
        missing = _missing_optional(log)
        if not missing:
            raise
        print("{} has no build for this platform; the course works without it.".format(missing))
        _without(python, locks, missing, len(pins), log)
    print("Installed in {:.0f} s.".format(time.time() - started))


def _missing_optional(log):
    """The optional package for which pip found no build, or None."""
    text = log.read_text(encoding="utf-8", errors="replace")[-4000:]
    found = re.search(r"No matching distribution found for ([A-Za-z0-9_.-]+?)(?:==|\s|$)", text)
    return found.group(1) if found and found.group(1) in requirements.OPTIONAL else None


def _without(python, locks, name, total, log):
    """Install the lock files with one package left out."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for lock in locks:
            lines = lock.read_text(encoding="utf-8").splitlines()
            copy = Path(folder) / lock.name
            copy.write_text("\n".join(line for line in lines if not line.startswith(name + "==")), encoding="utf-8")
            arguments += ["-r", str(copy)]
        _pip(python, arguments, "", total, log)


def _pip(python, arguments, name, total, log):
    """Run ``pip install`` and show how far it is."""
    command = [str(python), "-m", "pip", "install", "--progress-bar", "off", "--disable-pip-version-check"] + arguments
    environment = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
    environment.pop("PYTHONPATH", None)
    display = _Display(name, total)
    with log.open("a", encoding="utf-8") as record:
        record.write("\n$ {}\n".format(" ".join(command)))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        try:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace").rstrip()
                record.write(line + "\n")
                display.see(line)
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            display.close()
    if code:
        raise SetupError(_cause(log))


def _cause(log):
    """One sentence about why pip failed."""
    text = log.read_text(encoding="utf-8", errors="replace").rsplit("\n$ ", 1)[-1]
    for pattern, sentence in CAUSES:
        if re.search(pattern, text):
            return "The installation stopped because {}. Then start the same command again: it goes on.".format(sentence)
    errors = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines()[-1:]
    last = errors[-1] if errors else "no message"
    return "The installation stopped ({}): see {}, then start the same command again.".format(last, log)


class _Display:
    """One line that changes on a terminal; a line now and then elsewhere."""

    def __init__(self, name, total):
        self.name, self.total, self.seen = name, total, set()
        self.live = sys.stdout.isatty()
        self.said = 0

    def see(self, line):
        found = re.match(r"(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9_.-]+)", line)
        if found:
            self.seen.add(found.group(1).lower().replace("_", "-"))
            self._show(found.group(1))
        elif line.startswith("Installing collected packages"):
            self._show("unpacking all of them, this takes a while", always=True)

    def _show(self, what, always=False):
        count = "[{:3}/{}] ".format(min(len(self.seen), self.total), self.total) if self.total else ""
        text = "  {}{}".format(count, what)
        if self.live:
            sys.stdout.write("\r" + text[:78].ljust(79))
            sys.stdout.flush()
        elif always or len(self.seen) >= self.said + 40 or self.said == 0:
            self.said = max(1, len(self.seen))
            print(text, flush=True)

    def close(self):
        if self.live:
            sys.stdout.write("\r" + " " * 79 + "\r")
            sys.stdout.flush()
