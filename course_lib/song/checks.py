"""The checks of the exercises in notebook 10."""

from collections.abc import Callable, Mapping, Sequence

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "10_song_demo"


@exercise(NOTEBOOK, "10.1")
def rhyme_score(answer: Callable[[Sequence[str], Callable[[str, str], bool]], float]) -> str:
    """``answer(lines, rhyme)``: the share of lines that rhyme with one at most two lines away."""

    def same_end(first: str, second: str) -> bool:
        return first[-2:] == second[-2:]

    cases = {
        ("the day", "a tree", "we play", "a bee"): (
            1.0,
            "Each line rhymes with the one two below.",
        ),
        ("one", "the day", "we play", "tree"): (0.5, "Two neighbours of four lines rhyme."),
        ("a day", "tree", "one", "we play"): (0.0, "Three lines apart is too far to be heard."),
        ("day", "play", "way"): (1.0, "All three rhyme: count lines, not pairs."),
        ("la la", "la la", "one"): (
            2 / 3,
            "Lines at two places may be equal: compare places, not texts.",
        ),
        ("a tree",): (0.0, "A line does not rhyme with itself."),
        (): (0.0, "Without lines the score is 0."),
    }
    for lines, (right, why) in cases.items():
        given = answer(lines, same_end)
        require(isinstance(given, float | int), "Give one number.")
        require(given <= 1, f"{list(lines)} gives {given}: count lines, not pairs.")
        require(abs(given - right) < 1e-9, f"{list(lines)} gives {given:.2f}. {why}")
    return "counted by lines, near enough to be heard, and no line with itself."


@exercise(NOTEBOOK, "10.2")
def on_the_beat(answer: Callable[[Sequence[bool]], list[int]]) -> str:
    """``answer(stressed)``: a place for each syllable; even places are on the beat."""
    for stressed in ([True, False, True], [False, True, True, False], [False, False, True], []):
        places = list(answer(stressed))
        said = f"{['STRONG' if s else 'weak' for s in stressed]} at {places}: "
        require(len(places) == len(stressed), f"{said}each syllable needs one place.")
        require(places == sorted(set(places)), f"{said}each place once, and in order.")
        off = [p for p, strong in zip(places, stressed, strict=True) if strong and p % 2]
        require(not off, f"{said}a stressed syllable is off the beat, at {off[:1]}.")
        free = 0
        for place, strong in zip(places, stressed, strict=True):
            need = free + (free % 2 if strong else 0)
            require(place <= need, f"{said}place {need} was free, and {place} leaves a hole.")
            free = place + 1
    return "stress falls on the beat, and nobody waits longer than needed."


@exercise(NOTEBOOK, "10.3")
def one_drop(answer: Callable[[], Mapping[str, str]]) -> str:
    """``answer()``: reggae for a bar of eight places."""
    bar = answer()
    wanted = {"kick", "snare", "hat", "pluck", "bass"}
    require(set(bar) == wanted, f"Give a dictionary with {', '.join(sorted(wanted))}.")
    long = [name for name, pattern in bar.items() if len(pattern) != 8]
    require(not long, f"{long[:1]} has not eight signs: one for each place of the bar.")
    for name, signs in {"kick": ".x", "snare": ".x", "hat": ".x"}.items():
        require(set(bar[name]) <= set(signs), f"{name} is a drum: only `x` and `.`.")
    for name in ("pluck", "bass"):
        require(set(bar[name]) <= set(".01234"), f"{name} plays notes 0 to 4 of the chord, or `.`.")
        require(set(bar[name]) != {"."}, f"{name} is silent all the time.")
    require(bar["kick"][0] == ".", "The kick is on the first beat: that is rock.")
    both = bar["kick"][4] == bar["snare"][4] == "x"
    require(both, "Kick and snare should fall together on the third beat, place 4.")
    require(set(bar["pluck"][::2]) == {"."}, "The guitar plays on a beat: only 1, 3, 5 and 7.")
    return "the first beat is empty, and the guitar answers between the beats."
