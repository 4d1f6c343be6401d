"""A song, a model of tunes, and a Stable Audio of random weights, all small."""

from typing import Any

from course_lib.cleaning.lyrics import parse_song
from course_lib.history.ngrams import KneserNey
from course_lib.song.tunes import load_tunes

MODEL = KneserNey([tune.tokens for tune in load_tunes()], order=7)
_CHORUS = "\n\n[Chorus]\nSeven billion weights and none are mine,\nsinging in a perfect line.\n"
SONG = parse_song(
    "Lamps\n\n[Verse 1]\nThe river is counting the lamps on the quay,\nand one of them burns for me."
    "\nI walk to the water, the water is wide,\nthe night has nowhere to hide."
    + _CHORUS
    + "\n[Verse 2]\nThe ferry is late.\nThe engine is warm."
    + _CHORUS
)
