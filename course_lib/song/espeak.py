"""A program of its own: lines of text come in, eSpeak NG's sound and phonemes go out, as JSON.

The engine is C: where it fails it ends this process, and not the notebook that asks.
"""

import base64
import ctypes
import json
import sys

WORD, PHONEME = 1, 7  # kinds of event
SETTINGS = {1: 140, 3: 70, 4: 0}  # words a minute, pitch, and no melody of its own


class Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("text", ctypes.c_char_p), ("short", ctypes.c_char * 8)]


class Event(ctypes.Structure):
    """``espeak_EVENT`` of the engine's ``speak_lib.h``; ``place``: of the word, from 1."""

    _fields_ = [(name, ctypes.c_int) for name in ("kind", "id", "place", "length", "ms", "sample")]
    _fields_ += [("user", ctypes.c_void_p), ("name", Name)]


def say(lines: list[str], voice: str = "en") -> list[dict]:
    """For each line: ``sound`` (16 bits, 22,050 a second, base64) and ``phonemes``.

    A phoneme is [its first sample, its name, the place of its word in the line, from 0].
    """
    import espeakng_loader

    engine = ctypes.CDLL(espeakng_loader.get_library_path())
    pieces: list[bytes] = []
    phonemes: list[list] = []
    word = 0

    @ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
    )
    def receive(sound, number, events):
        nonlocal word
        at = 0
        while (event := events[at]).kind:
            if event.kind == WORD:
                word = event.place - 1
            elif event.kind == PHONEME:
                name = bytes(event.name.short).decode("utf-8", "replace")
                phonemes.append([event.sample, name, word])
            at += 1
        if sound and number:
            pieces.append(ctypes.string_at(sound, 2 * number))
        return 0

    # 2: sound is handed over as it is made; 1: with phonemes; 0x8000: errors are returned.
    engine.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 1 | 0x8000)
    engine.espeak_SetSynthCallback(receive)
    engine.espeak_SetVoiceByName(voice.encode())
    for setting, value in SETTINGS.items():
        engine.espeak_SetParameter(setting, value, 0)
    made = []
    for line in lines:
        pieces.clear()
        phonemes.clear()
        text = line.encode()
        engine.espeak_Synth(text, len(text) + 1, 0, 1, 0, 1, None, None)
        engine.espeak_Synchronize()
        sound = base64.b64encode(b"".join(pieces)).decode()
        made.append({"sound": sound, "phonemes": list(phonemes)})
    return made


if __name__ == "__main__":
    json.dump(say(json.load(sys.stdin)), sys.stdout)
