"""Run pip, show its progress from its own output, and say in one sentence what went wrong."""

import os
import queue
import re
import subprocess
import threading

from course_lib.bootstrap import requirements
from course_lib.errors import CourseError

OPTIONS = (
    "--progress-bar",
    "off",
    "--no-input",
    "--disable-pip-version-check",
    "--prefer-binary",
    "--no-warn-script-location",
)
FOUND = re.compile(r"(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9][\w.-]*)")
WHEEL = re.compile(
    r"(?:Processing|Downloading|Using cached) (?:\S*[/\\])?([A-Za-z0-9][\w.]*)-\d\S*\.(?:whl|tar\.gz)(?= |$)(.*)"
)
LONG_WAIT = 0.5  # seconds between two looks at the folder while pip is silent

# The first that matches the output decides. pip tells of a lost network before it says that it
# found nothing, so the network comes before the missing wheel.
CAUSES = (
    (
        r"No space left on device|Errno 28\b|not enough space on the disk|Disk quota exceeded",
        "The disk is full: free about 4 GB, or set COURSE_HOME to a folder on another disk, then start the same "
        "command again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED",
        "The package index shows a certificate that this computer does not trust: ask whoever runs the network for "
        "its certificate and name it with `pip config set global.cert FILE`, then start the same command again.",
    ),
    (
        r"ssl module .*not available",
        "This Python was built without SSL and cannot load packages: install Python from python.org or your "
        "system's packages.",
    ),
    (
        r"NewConnectionError|NameResolutionError|name resolution|getaddrinfo failed|nodename nor servname"
        r"|Network is unreachable|Connection (?:refused|reset|aborted|broken)|ConnectTimeout|ReadTimeout|Read timed out"
        r"|ProxyError|IncompleteRead|RemoteDisconnected|ProtocolError|Could not fetch URL|located at \S+ is invalid",
        "The package index cannot be reached: check the network (behind a proxy set HTTPS_PROXY), then start the same "
        "command again; what is already there is kept.",
    ),
    (
        r"[Pp]ermission denied|Access is denied|Errno 13\b|Read-only file system|Errno 30\b",
        "A file of the environment may not be written: close programs that use it and check who owns the folder, or "
        "set COURSE_HOME to a folder of your own, then start the same command again.",
    ),
    (
        r"Long Path support",
        "The folder's name is too long for Windows: move the repository to a shorter path such as C:\\course, then "
        "start the same command again.",
    ),
)
NO_WHEEL = re.compile(
    r"(?:No matching distribution found for|Failed building wheel for|Failed to build) ([A-Za-z0-9][\w.-]*)"
)


class PipFailed(CourseError):
    """pip gave up. ``package`` is the one for which there is no wheel here, or ""."""

    def __init__(self, sentence, package=""):
        super().__init__(sentence)
        self.package = package


def explain(output, log):
    """The PipFailed for what pip printed; ``log`` is the file that keeps all of it."""
    for pattern, sentence in CAUSES:
        if re.search(pattern, output):
            return PipFailed(sentence)
    match = NO_WHEEL.search(output)
    if match:
        package = requirements.normalised(match.group(1))
        return PipFailed(
            "There is no ready package of {} for this computer and this Python: try another Python "
            "(3.11 to 3.13 are the safest), or open the notebooks on Google Colab.".format(package),
            package,
        )
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    reason = (errors[-1] if errors else "no reason given")[:200].rstrip(". ")
    return PipFailed(
        "pip could not install everything ({}): all of its output is in {}.".format(reason, log)
    )


def pip_environment():
    """The user's variables, mirrors and proxies included, but for what would lead pip elsewhere."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment.update(
        PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0", PYTHONUTF8="1", PYTHONUNBUFFERED="1"
    )
    for name in ("PIP_TARGET", "PIP_PREFIX"):
        environment.pop(name, None)
    return environment


def pip_install(python, arguments, display, total=0, site=None, log=None, keep_open=None):
    """``python -m pip install …`` with a progress display.

    ``total``: how many packages there will be; ``site``: the folder in which they appear;
    ``log``: a file to which pip's output is appended; ``keep_open``: a stream, locked by the
    caller, that pip holds as well. Raises PipFailed.
    """
    command = [str(python), "-I", "-m", "pip", "install", *OPTIONS, *map(str, arguments)]
    inherited = (keep_open.fileno(),) if keep_open is not None and os.name != "nt" else ()
    process = subprocess.Popen(
        command,
        pass_fds=inherited,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=pip_environment(),
        encoding="utf-8",
        errors="replace",
    )
    lines = queue.Queue()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    try:
        output = _follow(lines, Progress(display, total, site))
        failed = process.wait()
    finally:
        _stop(process)
        display.clear()
    if log is not None:
        with open(str(log), "a", encoding="utf-8") as stream:
            stream.write(output)
    if failed:
        raise explain(output, log or "the lines above")


def _read(stream, lines):
    for line in stream:
        lines.put(line)
    lines.put(None)


def _follow(lines, progress):
    """All of pip's output; shows its progress meanwhile, also while pip is silent."""
    output = []
    while True:
        try:
            line = lines.get(timeout=LONG_WAIT)
        except queue.Empty:
            progress.wait()
            continue
        if line is None:
            return "".join(output)
        output.append(line)
        progress.take(line)


def _stop(process):
    """No pip goes on when we do not: it would write into an environment that is being repaired."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    process.stdout.close()


class Progress:
    """What pip is doing, as its lines and the folder tell."""

    def __init__(self, display, total, site):
        self.display, self.total, self.site = display, total, site
        self.phase, self.name, self.found = "looking up", "", set()

    def take(self, line):
        """Learn from one line of pip's output."""
        line = line.strip()
        wheel, found = WHEEL.match(line), FOUND.match(line)
        if wheel and not wheel.group(0).endswith(".metadata"):
            name = requirements.normalised(wheel.group(1))
            self.found.add(name)
            size = re.search(r"\([\d.]+ [kMG]B\)", wheel.group(2))
            self.phase, self.name = (
                "loading",
                " ".join([name, size.group() if size else ""]).strip(),
            )
        elif found:
            name = requirements.normalised(found.group(1))
            self.found.add(name)
            self.phase, self.name = "loading", name
        elif line.startswith("Installing collected packages:"):
            self.phase, self.name = "installing", ""
            self.found = set()
        else:
            return
        self.wait()

    def wait(self):
        """Show where it stands."""
        done = len(self.found) if self.phase != "installing" else self._in_place()
        self.display.update(self.phase, done, self.total, self.name)

    def _in_place(self):
        """How many packages are complete, and the newest of them as the name."""
        if self.site is None or not self.site.is_dir():
            return 0
        complete = [path for path in self.site.glob("*.dist-info") if (path / "INSTALLER").exists()]
        if complete:
            newest = max(complete, key=_changed)
            self.name = newest.name.split("-")[0].replace("_", "-")
        return len(complete)


def _changed(path):
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
