"""The course's own environment: made once, repaired when something broke it, then only looked at.

The mark ``ready.json`` is written last. It carries the hashes of the locks and the Python
version; while it is missing or differs, the next start installs again into the same folder.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from course_lib import places
from course_lib.bootstrap import guards, pip_run, platforms, requirements
from course_lib.bootstrap.display import Display
from course_lib.errors import CourseError

BYTES_A_PACKAGE = (
    20 * 10**6
)  # on average: the 153 of the lock take 2.1 GB, and pip's copies while unpacking


class Environment:
    """One virtual environment in ``folder`` for the locks in ``repository``."""

    def __init__(self, folder=None, repository=None, display=None):
        self.folder = Path(folder or places.environment_folder())
        self.repository = Path(repository or places.REPOSITORY)
        self.display = display or Display()
        scripts, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        self.python = self.folder / scripts / name
        self.mark = self.folder / "ready.json"
        self.log = places.state_folder() / "install.log"
        self.lock_stream = None

    def site_packages(self):
        """The folder of the installed packages."""
        if os.name == "nt":
            return self.folder / "Lib" / "site-packages"
        found = sorted(self.folder.glob("lib/python3*/site-packages"))
        return found[-1] if found else self.folder / "lib" / "site-packages"

    # -- looking ---------------------------------------------------------------------------
    def is_ready(self, test=False):
        """True when the mark fits the locks and the environment's Python starts. Takes no pip."""
        mark = self._read_mark()
        names = [requirements.BASE_LOCK] + ([requirements.TEST_LOCK] if test else [])
        for name in names:
            if mark.get(name) != requirements.digest(self.repository / name):
                return False
        return bool(mark.get("python")) and self.python_version() == mark["python"]

    def python_version(self):
        """The version of the environment's Python, or "" when it does not start."""
        code = "import platform, encodings; print(platform.python_version())"
        return self._ask("-c", code)

    def has_pip(self):
        """True when the environment's pip starts."""
        return self._ask("-m", "pip", "--version").startswith("pip ")

    def _ask(self, *arguments):
        try:
            done = subprocess.run(
                [str(self.python), "-I", *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
                timeout=60,
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""

    def _read_mark(self):
        try:
            mark = json.loads(self.mark.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return mark if isinstance(mark, dict) else {}

    # -- making ----------------------------------------------------------------------------
    def make_ready(self, test=False):
        """Make, complete or repair the environment, unless it is ready. Raises CourseError."""
        if not self.is_ready(test):
            with guards.translated_errors(self.folder), self._only_one():
                if not self.is_ready(test):  # another start may have finished it meanwhile
                    self._install(test)
        self._write_path_file()

    def _install(self, test):
        base_is_ready = self.is_ready()
        if not base_is_ready:
            self._forget_mark()
        lock = self.repository / (requirements.TEST_LOCK if test else requirements.BASE_LOCK)
        self.prepare(lock)
        what = (
            "what the tests need besides" if base_is_ready else "the course's packages, once only"
        )
        self.display.line("Installing {}. It takes a few minutes; Ctrl-C stops it.".format(what))
        self.install_torch(lock)
        self.install_lock(lock)
        self._write_path_file()
        self._write_mark(test)
        self.display.line("Everything is in place.")

    def prepare(self, lock):
        """See to it that there is an environment with a Python and a pip that start, ready for ``lock``."""
        if not (self.python_version() and self.has_pip()):
            self._make_anew(BYTES_A_PACKAGE * len(requirements.lock_lines(lock)))
        self.remove_half_installed()

    def _make_anew(self, needed):
        platforms.refuse_hopeless()
        if not guards.has_venv():
            raise CourseError(guards.no_venv())
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(str(self.folder.parent)).free
        if free < needed:
            raise CourseError(
                "The disk has {:.1f} GB free and the course's packages need about {:.1f}: free some, or set "
                "COURSE_HOME to a folder on another disk.".format(free / 1e9, needed / 1e9)
            )
        self.display.line("Making an environment in {} ...".format(self.folder))
        import venv

        builder = venv.EnvBuilder(clear=True, with_pip=True, symlinks=os.name != "nt")
        try:
            builder.create(str(self.folder))
        except SystemExit:  # Debian's venv says this itself, at length
            raise CourseError(guards.no_venv()) from None
        except subprocess.CalledProcessError as error:
            raise CourseError(
                "pip could not be put into {} (ensurepip ended with status {}): check the free space of the "
                "disk, then start the same command again.".format(self.folder, error.returncode)
            ) from error

    def remove_half_installed(self):
        """Take away what a killed pip left: pip would believe that these packages are complete.

        pip writes INSTALLER and RECORD last, and renames what it removes to ``~…`` first.
        """
        for path in self.site_packages().glob("*.dist-info"):
            if not ((path / "INSTALLER").is_file() and (path / "RECORD").is_file()):
                shutil.rmtree(str(path), ignore_errors=True)
        for path in self.site_packages().glob("~*"):
            shutil.rmtree(str(path), ignore_errors=True)

    def install_torch(self, lock):
        """Take torch from PyTorch's own index where that fits better and answers; else do nothing."""
        torch = [line for line in requirements.lock_lines(lock) if line.name == "torch"]
        if not torch or list(self.site_packages().glob("torch-*.dist-info")):
            return
        index = platforms.torch_index()
        if index:
            what = "smaller CPU build" if index == platforms.CPU_INDEX else "CUDA build"
            self.display.line("Taking PyTorch's {}, which fits this computer.".format(what))
            with contextlib.suppress(pip_run.PipFailed):  # then pip's ordinary index has one, too
                self._pip(
                    "--no-deps", "--index-url", index, torch[0].line.split(";")[0].strip(), total=1
                )

    def install_lock(self, lock, *arguments):
        """Install a lock file; an optional package without a wheel here is left out, and said."""
        lines = requirements.lock_lines(lock)
        try:
            self._pip("-r", lock, *arguments, total=len(lines))
        except pip_run.PipFailed as error:
            if error.package not in requirements.OPTIONAL:
                raise
            self.display.line(
                "{} has no package for this computer; all else works without it.".format(
                    error.package
                )
            )
            reduced = self.folder / "without-optional.txt"
            kept = [line.line for line in lines if line.name not in requirements.OPTIONAL]
            reduced.write_text("\n".join(kept) + "\n", encoding="utf-8")
            self._pip("-r", reduced, *arguments, total=len(kept))

    def _pip(self, *arguments, total):
        pip_run.pip_install(
            self.python,
            arguments,
            self.display,
            total=total,
            site=self.site_packages(),
            log=self.log,
            keep_open=self.lock_stream,
        )

    @contextlib.contextmanager
    def _only_one(self):
        """Let a second start wait while the first installs.

        The lock falls with its processes: pip holds it too, so that a pip whose parent was
        killed is waited for as well.
        """
        with open(str(places.state_folder() / "install.lock"), "a+b") as stream:
            if not guards.try_lock(stream, wait=False):
                self.display.line(
                    "Another start of the course is installing: waiting for it. Ctrl-C stops the waiting."
                )
                while not guards.try_lock(stream, wait=True):
                    pass
            self.lock_stream = stream
            try:
                yield
            finally:
                self.lock_stream = None

    def _forget_mark(self):
        with contextlib.suppress(FileNotFoundError):
            self.mark.unlink()

    def _write_path_file(self):
        """Kernels find the package through this file, wherever they are started."""
        path_file = self.site_packages() / "course_lib.pth"
        # Before 3.13 a .pth file is read in the console's encoding: on Windows only ASCII is safe.
        encoding = "ascii" if os.name == "nt" and sys.version_info < (3, 13) else "utf-8"
        text = str(self.repository) + "\n"
        with contextlib.suppress(OSError, ValueError):
            if path_file.read_text(encoding=encoding) == text:
                return
        with contextlib.suppress(OSError, ValueError):  # the verbs set PYTHONPATH as well
            path_file.write_bytes(text.encode(encoding))

    def _write_mark(self, test):
        names = [requirements.BASE_LOCK] + ([requirements.TEST_LOCK] if test else [])
        mark = {name: requirements.digest(self.repository / name) for name in names}
        mark["python"] = self.python_version()
        temporary = self.mark.with_suffix(".tmp")
        temporary.write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")
        os.replace(str(temporary), str(self.mark))
