"""Progress of an installation: one line that renews itself on a terminal, few plain lines elsewhere."""

import shutil
import sys
import time

PLAIN_SECONDS = 15.0


class Display:
    """Shows ``phase done/total name`` with the time since the start."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.live = bool(getattr(self.stream, "isatty", lambda: False)())
        self.started = time.monotonic()
        self.width = 0
        self.shown = ("", float("-inf"))

    def update(self, phase, done, total, name=""):
        """Show where it stands. Away from a terminal a new phase prints, then a line now and then."""
        seconds = int(time.monotonic() - self.started)
        clock = "{}:{:02d}".format(seconds // 60, seconds % 60)
        words = ["  " + phase, "{}/{}".format(done, max(done, total)), name, "({})".format(clock)]
        text = " ".join(filter(None, words))
        if self.live:
            text = text[: max(20, shutil.get_terminal_size().columns - 1)]
            self._write("\r" + text.ljust(self.width))
            self.width = len(text)
            return
        last_phase, last_time = self.shown
        if phase != last_phase or time.monotonic() - last_time >= PLAIN_SECONDS:
            self.shown = (phase, time.monotonic())
            self._write(text + "\n")

    def line(self, text):
        """A line that stays."""
        self.clear()
        self._write(text + "\n")

    def clear(self):
        """Take the renewing line away."""
        if self.live and self.width:
            self._write("\r" + " " * self.width + "\r")
        self.width = 0

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()
