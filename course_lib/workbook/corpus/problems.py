"""Why a file, or a part of one, could not be used: the codes of the report and their sentences."""

SKIP_REASONS = {
    "empty": "there is no text in it",
    "binary": "it is not text but binary data",
    "undecodable": "its characters cannot be read with certainty; save it as UTF-8",
    "encrypted": "it is protected by a password",
    "no_text": "the PDF has no text, only pictures of pages (a scan)",
    "broken": "the file is damaged",
    "broken_json": "what stands there is not valid JSON",
    "too_large": "one piece of it is too large to be read safely",
    "unknown_format": "no reader for this kind of file",
    "outside_link": "the link leads out of the chosen folder",
    "link_loop": "the link leads round in a circle",
    "broken_link": "the link leads nowhere",
    "inside_link": "what the link leads to is read in its own place",
    "not_readable": "this user may not read it, or the disk refused",
    "special": "it is a pipe, a socket or a device, not a file",
    "hidden": "hidden files and folders and tools' own folders were left out",
}


class Problem(Exception):
    """Something in a file that cannot be read.

    A reader raises it when the file ends there for us, and *yields* it when it goes on with the
    rest (one broken line). ``reason`` is a key of ``SKIP_REASONS``, ``detail`` a sentence for
    the reader of the report; without one the reason's own sentence stands.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail or SKIP_REASONS[reason]
        super().__init__(self.detail)
