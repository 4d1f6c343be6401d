"""The one exception that is meant for the reader of a notebook, not for a programmer."""


class CourseError(Exception):
    """Something the user can mend. Its text is one clear sentence that says what to do next.

    Notebooks and the command line (exit status 2) show it without a traceback.
    """

    def _render_traceback_(self):  # IPython calls it instead of drawing a traceback
        return ["{}".format(self)]
