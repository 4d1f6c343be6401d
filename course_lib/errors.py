"""The one exception that is meant for the reader of a notebook, not for a programmer."""


class CourseError(Exception):
    """Something the user can mend. Its text is one clear sentence that says what to do next.

    In a notebook it is shown as that sentence, without a traceback; on the command line
    likewise, with exit status 2.
    """

    def _render_traceback_(self):
        """IPython calls this instead of drawing a traceback."""
        return ["{}".format(self)]
