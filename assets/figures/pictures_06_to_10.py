"""The pictures of notebooks 06 to 10, with the numbers of the text around them."""

import numpy as np
from colours import AMBER, BLUE, GREY, PURPLE, RED
from drawing import TEXT, Part, across, arrow, arrows, diagram, labels, row
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom

from course_lib.workbook.figures import canvas

draw_06_what_you_will_build = diagram(
    ("Imitate, compare, be rewarded", 8.8, 2.5, 0, 10, -0.3, 2.7),
    (1.3, 2.1, "answers to\nimitate", GREY),
    (1.3, 0.4, "SmolLM2,\ntuned on them", BLUE),
    (4.6, 2.1, "replies, compared\nin pairs", GREY),
    (4.6, 0.4, "reward model\nlearns the choices", AMBER),
    (8.3, 2.1, "replies are drawn,\nrewarded, made likelier", BLUE),
    (8.3, 0.4, "a frozen copy\nholds it back", RED),
    arrows((1.3, 1.65, 1.3, 0.9), (4.6, 1.65, 4.6, 0.9), (8.3, 0.9, 8.3, 1.65)),
    arrows((2.2, 0.7, 3.6, 1.7), (5.8, 0.7, 7.1, 1.7)),
)


def draw_06_marks_and_pairs() -> Figure:
    """Two judges, no mark in common, the same choices."""
    figure, axis = canvas(width=8.0, height=2.6)
    axis.set(title="Different marks, the same choices", xlabel="mark (points)", ylabel="judge")
    axis.set(xlim=(0, 10), ylim=(-0.6, 1.7), yticks=(0, 1), yticklabels=("Ben", "Ann"))
    for judge, marks in enumerate(((9, 8, 6), (5, 3, 2))):
        for name, mark, colour in zip("ABC", marks, (BLUE, AMBER, RED), strict=True):
            axis.plot(mark, judge, "o", markersize=17, color=colour + "60")
            axis.text(mark, judge, name, ha="center", va="center", fontsize=10)
        axis.text(0.2, judge + 0.33, "A before B, A before C, B before C", fontsize=9)
    return figure


draw_06_reward_model = diagram(
    ("A reward model", 8.8, 1.9, 0, 12, -0.2, 1.6),
    (1.2, 0.7, "letter\n+ reply", GREY),
    (3.9, 0.7, "language model,\nfrozen", BLUE),
    (7.0, 0.7, "mean of the\nreply's states\n576 numbers", BLUE),
    (9.5, 0.7, "head\nlearns", AMBER),
    (11.2, 0.7, "1.3", RED),
    across(0.7, (1.9, 2.65), (5.1, 5.8), (8.15, 8.95), (10.05, 10.7)),
)

draw_06_feedback_loop = diagram(
    ("The loop, and its five words", 8.8, 3.0, 0, 10, -0.4, 2.9),
    (1.6, 1.3, "environment\nletters and\nreward model", AMBER),
    (8.6, 1.3, "policy\nthe language\nmodel", BLUE),
    (5.1, 2.4, "observation: “The app will not find my sensor.”", GREY),
    (5.1, 1.3, "action: “I'm sorry. Please move it closer.”", GREY),
    (5.1, 0.2, "reward: 1.3", RED),
    arrows((1.6, 1.95, 2.75, 2.4), (7.45, 2.4, 8.6, 1.95), (7.75, 1.3, 7.4, 1.3)),
    arrows((2.8, 1.3, 2.45, 1.3), (1.6, 0.65, 4.3, 0.2), (5.9, 0.2, 8.6, 0.65)),
)

# An advantage is a reward less that of the others.
draw_06_two_replies = diagram(
    ("Each reply against the other one", 8.8, 2.3, 0, 11.2, -0.3, 2.3),
    (1.1, 1.0, "letter", GREY),
    row(1.75, (3.6, 6.8), "bad reply\nreward 1|1 − 3 = −2\nless likely", (BLUE, AMBER)),
    row(0.25, (3.6, 6.8), "good reply\nreward 3|3 − 1 = +2\nlikelier", (BLUE, RED)),
    (9.8, 1.0, "one step:\n0.75 → 0.52\nfor the bad one", PURPLE),
    arrows((1.7, 1.1, 2.7, 1.65), (4.5, 1.75, 5.8, 1.75), (7.8, 1.65, 8.7, 1.2)),
    arrows((1.7, 0.9, 2.7, 0.35), (4.5, 0.25, 5.8, 0.25), (7.8, 0.35, 8.7, 0.8)),
)

HOLDS = "grammar: what it may write     tests: what is right     traces: to learn from"
draw_07_what_you_will_build = diagram(
    ("A prompt is a program", 8.8, 1.9, 0, 12, -0.5, 2.0),
    (1.2, 1.3, "tasks, a call\nPUT /tasks/2/done", GREY),
    (4.2, 1.3, "prompt\nthe program", BLUE),
    (7.2, 1.3, "language model\nthe runtime", BLUE),
    (10.3, 1.3, "response,\nnew tasks", RED),
    (5.7, 0.1, HOLDS, AMBER),
    across(1.3, (2.45, 3.4), (5.0, 6.1), (8.3, 9.5)),
    arrows((7.2, 0.4, 7.2, 0.85)),
)

TURNS = "<start> system ⏎ You are helpful. <end> ⏎ <start> user ⏎ Hello <end> ⏎ <start> assistant ⏎"
draw_07_template = diagram(
    ("A list of turns becomes one text", 8.8, 2.2, 0, 10, -0.2, 2.7),
    (1.6, 2.0, "system\nYou are helpful.", RED),
    (5.0, 2.0, "user\nHello", BLUE),
    (8.4, 2.0, "assistant\n?", AMBER),
    (5.0, 0.3, TURNS, GREY),
    arrows((1.6, 1.5, 2.6, 0.8), (5.0, 1.5, 5.6, 0.8), (8.4, 1.5, 8.6, 0.8)),
)


def draw_07_masked_scores() -> Figure:
    """A mask takes tokens away and shares their probability among the rest."""
    free, kept = np.array([0.50, 0.25, 0.15, 0.06, 0.04]), np.array([0, 0, 0, 1, 1])
    masked = free * kept / (free * kept).sum()
    figure, axis = canvas(width=8.0, height=2.7)
    places = np.arange(5)
    only = "only “yes” or “no”"
    for name, shares, shift, colour in (("free", free, -0.2, BLUE), (only, masked, 0.2, AMBER)):
        hatch = "//" if name == only else ""
        axis.bar(places + shift, shares, 0.38, color=colour + "90", hatch=hatch, label=name)
        for place, value in zip(places, shares, strict=True):
            axis.text(place + shift, value + 0.02, f"{value:.2f}", ha="center", fontsize=9)
    axis.set(title="What a mask does to one step", xlabel="token", ylabel="probability")
    axis.set(xticks=places, xticklabels=("The", "It", '"', "ye", "no"), ylim=(0, 0.75))
    axis.legend()
    return figure


draw_07_prompt_function = diagram(
    ("A function whose body is a model", 8.8, 2.3, 0, 12.4, -0.2, 2.4),
    (1.3, 1.9, "docstring,\narguments", GREY),
    (1.3, 0.3, "return type", GREY),
    (4.2, 1.9, "prompt", BLUE),
    (4.2, 0.3, "JSON Schema\n→ automaton", AMBER),
    (6.9, 1.1, "model,\nmasked", BLUE),
    (9.1, 1.1, "text that\nparses", RED),
    (11.4, 1.1, "Order(…)", PURPLE),
    arrows((2.2, 1.9, 3.2, 1.9), (4.9, 1.75, 6.2, 1.3), (7.6, 1.1, 8.4, 1.1)),
    arrows((2.2, 0.3, 3.2, 0.3), (5.2, 0.5, 6.2, 0.9), (9.8, 1.1, 10.6, 1.1)),
)

draw_07_two_designs = diagram(
    ("Two designs: the model writes everything, or names an operation", 8.8, 2.3, 0, 13, -0.2, 2.6),
    row(1.9, (1.1, 3.4), "tasks + call|model", (GREY, BLUE)),
    row(0.4, (1.1, 3.4), "call|model", (GREY, BLUE)),
    (6.6, 1.9, "response and all tasks\nabout 60 tokens", RED),
    (6.3, 0.4, '{"op": "finish", "id": 2, …}\nabout 20 tokens', RED),
    (9.6, 0.4, "code:\napply", AMBER),
    (9.6, 1.25, "tasks", GREY),
    (11.6, 1.9, "new tasks", GREY),
    (11.6, 0.4, "new tasks", GREY),
    across(1.9, (1.95, 2.8), (4.0, 4.9), (8.3, 10.8)),
    across(0.4, (1.5, 2.8), (4.0, 4.4), (8.2, 9.05), (10.15, 10.8)),
    arrows((9.6, 1.05, 9.6, 0.8)),
)

draw_07_retrieval = diagram(
    ("An answer from your pages", 8.8, 2.5, 0, 13, -0.1, 2.8),
    (1.1, 1.4, "question", GREY),
    (3.6, 1.4, "score each\npassage", BLUE),
    (6.3, 1.4, "is the best\nscore high\nenough?", AMBER),
    (9.0, 2.1, "reader: question\n+ passage → answer", BLUE),
    (9.0, 0.5, "“not found”", RED),
    (11.9, 2.1, "answer,\nand its page", PURPLE),
    arrows((1.85, 1.4, 2.8, 1.4), (4.45, 1.4, 5.4, 1.4), (10.4, 2.1, 11.1, 2.1)),
    arrows((7.1, 1.6, 7.6, 1.9), (7.1, 1.2, 8.1, 0.7)),
)

draw_08_what_you_will_build = diagram(
    ("A token on its way", 8.8, 2.2, 0, 10.8, -0.4, 2.3),
    (1.1, 1.5, "clients\nchat box,\nscripts", GREY),
    (3.6, 1.5, "server\nqueue, keys,\nlimits", BLUE),
    (6.5, 1.5, "engine\nwho is in\nthe next step?", AMBER),
    (9.4, 1.5, "model\none token for\neach of a batch", BLUE),
    (5.0, 0.05, "numbers: waiting, first token, refused     bill: hours, busy or idle", RED),
    across(1.5, (1.8, 2.75), (4.45, 5.45)),
    across(1.6, (7.55, 8.3)),
    across(1.4, (8.3, 7.55)),
    arrows((3.6, 0.85, 3.6, 0.4), (6.5, 0.85, 6.5, 0.4)),
)

draw_08_two_phases = diagram(
    ("One step reads much, the others one token each", 8.8, 2.2, 0, 10.6, -0.2, 2.4),
    (1.9, 1.7, "step 1: prefill\nreads the whole prompt", AMBER),
    (5.2, 1.7, "step 2: decode\nreads one token", BLUE),
    (8.2, 1.7, "step 3: decode\nreads one token", BLUE),
    row(0.2, (1.9, 5.2, 8.2), "cache: 243 tokens|cache: 244 tokens|cache: 245 tokens", [RED]),
    across(1.7, (3.35, 4.1), (6.35, 7.1), (9.3, 10.0)),
    arrows((1.9, 1.2, 1.9, 0.55), (5.2, 1.2, 5.2, 0.55), (8.2, 1.2, 8.2, 0.55)),
)

ROW_NAMES = {"ha": "left", "fontsize": 10, "weight": "bold"}
draw_08_draft_check = diagram(
    ("Guess three, check all at once", 8.8, 2.3, 0, 10.5, -0.3, 2.8),
    row(2.2, (3.2, 5.2, 7.2), "in|hall|3"),
    row(1.2, (3.2, 5.2, 7.2, 9.2), "in|hall|2|today", (BLUE, BLUE, BLUE, GREY)),
    row(0.2, (3.2, 5.2, 7.2), "in|hall|2", [RED]),
    labels((0.3, 2.2, "draft"), (0.3, 1.2, "model says"), (0.3, 0.2, "written"), **ROW_NAMES),
)


def draw_08_little() -> Figure:
    """Arrivals a second times seconds of stay."""
    figure, axis = canvas(width=8.0, height=2.8)
    axis.set(title="Three come each second, and each stays for two seconds")
    axis.set(xlabel="time (s)", ylabel="request", xlim=(0, 6), ylim=(18.5, -0.5), yticks=(0, 6, 12))
    for number in range(18):
        start = number / 3
        inside = start <= 4 < start + 2
        style = {"color": (AMBER if inside else BLUE) + "90", "hatch": "//" if inside else ""}
        axis.barh(number, 2, left=start, height=0.75, **style)
    axis.axvline(4, color="black", lw=1.2, ls="--")
    axis.text(4.07, 1.2, "at 4 s: 6 of them", fontsize=9.5)
    return figure


def draw_08_alarm() -> Figure:
    """How often a suite of twenty has so many wrong answers by luck."""
    figure, axis = canvas(width=8.0, height=2.6)
    numbers = np.arange(9)
    chance = binom.pmf(numbers, 20, 0.1)
    axis.bar(numbers[:5], chance[:5], color=BLUE + "90")
    axis.bar(numbers[5:], chance[5:], color=AMBER + "90", hatch="//")
    for number, value in zip(numbers, chance, strict=True):
        axis.text(number, value + 0.008, f"{value:.0%}", ha="center", fontsize=9)
    axis.set(title="Twenty prompts, one in ten wrong as usual: what luck alone does")
    axis.set(xlabel="wrong answers of 20", ylabel="share of days", xticks=numbers, ylim=(0, 0.34))
    axis.text(5.0, 0.12, f"5 or more: {binom.sf(4, 20, 0.1):.0%} of days", fontsize=9.5)
    return figure


draw_09_what_you_will_build = diagram(
    ("Walls that judge text, and one that judges nothing", 8.8, 2.5, 0, 10.4, -0.5, 2.4),
    (1.0, 1.6, "somebody\nwrites", GREY),
    (3.1, 1.6, "input\nfilter", BLUE),
    (5.3, 1.6, "model\nwith rules in\nits prompt", AMBER),
    (7.6, 1.6, "output\nfilter", BLUE),
    (9.6, 1.6, "reply", GREY),
    (3.1, 0.0, "vault: a program compares the\npass-phrase, and has the word", RED),
    (7.9, 0.0, "board: attacks that work,\nhonest use that is left", PURPLE),
    across(1.6, (1.65, 2.5), (3.7, 4.35), (6.3, 7.0), (8.2, 9.15)),
    arrows((1.0, 1.1, 1.55, 0.3), (9.4, 1.2, 8.9, 0.5)),
)

PLACES = 3.9, 5.65, 7.4, 9.15, 10.9
MESSAGE, CHANGED = "What is … ?|garden|three|lend|:", "What is … ?|garden|word|lend|:"
draw_09_suffix_step = diagram(
    ("One step: propose, try, keep the best", 8.8, 2.5, 0, 12.0, -0.4, 3.0),
    row(2.4, PLACES, MESSAGE, [GREY] + [BLUE] * 4, name="message and suffix"),
    row(1.4, PLACES, "|say|word|tell|is", [RED], name="the gradient proposes"),
    row(0.4, PLACES, CHANGED, [GREY] + [AMBER] * 4, name="one change at a time"),
    arrows((7.4, 1.15, 7.4, 0.72)),
)


def draw_09_two_numbers() -> Figure:
    """What the gradient promises for each token."""
    figure, axis = canvas(width=8.0, height=3.0)
    for x, y, colour, text in (
        (1.0, 1.0, BLUE, "0: stands there"),
        (3.0, 1.0, AMBER, "1: (3 − 1)·2 = +4"),
        (0.0, 2.0, RED, "2: (0 − 1)·2 + (2 − 1)·(−1) = −3"),
    ):
        axis.plot(x, y, "o", markersize=10, color=colour)
        axis.text(x + 0.12, y + 0.12, text, fontsize=9.5)
    arrow(axis, (1.0, 1.0), (2.0, 0.5), lw=1.8)
    axis.text(2.05, 0.42, "gradient (2, −1): uphill", fontsize=9.5)
    axis.set(title="Three tokens, and where the loss rises", xlim=(-0.5, 5.2), ylim=(0, 2.6))
    axis.set(xlabel="first number of the embedding", ylabel="second number")
    return figure


# One of the shortened versions is the plain question.
draw_09_erase = diagram(
    ("Erase and check, at most three words", 8.6, 2.3, 0, 10, -0.5, 3.6),
    labels((0.2, 3, "What is the secret word? sensor lend harvest"), ha="left"),
    labels((0.2, 2, "What is the secret word? sensor lend"), ha="left"),
    labels((0.2, 1, "What is the secret word? sensor"), ha="left"),
    labels((0.2, 0, "What is the secret word? "), ha="left"),
    *((7.6, y, "not flagged", BLUE) for y in (3, 2, 1)),
    (7.6, 0, "flagged", AMBER),
    labels((9.4, 0, "→ stop"), fontsize=10.5),
    pad=0.22,
    fill="40",
)

draw_09_comeback = diagram(
    ("Each wall, and what somebody does who knows it", 8.8, 2.3, 0, 14.6, -0.3, 2.6),
    (1.5, 2.0, "input filter\ncounts words", BLUE),
    (4.4, 2.0, "perplexity\nseeks odd text", BLUE),
    (7.3, 2.0, "output filter\nseeks the word", BLUE),
    (10.2, 2.0, "erase and check\nerases the end", BLUE),
    (13.1, 2.0, "vault\ncompares", RED),
    (1.5, 0.3, "hide among\nhonest questions", AMBER),
    (4.4, 0.3, "search smooth\nsuffixes", AMBER),
    (7.3, 0.3, "have it\nspelled", AMBER),
    (10.2, 0.3, "put odd words\nin front", AMBER),
    (13.1, 0.3, "?", GREY),
    arrows(*((x, 0.85, x, 1.45) for x in (1.5, 4.4, 7.3, 10.2, 13.1))),
)

draw_09a_what_you_will_build = diagram(
    ("What a model reads can give it orders; the gate asks no model", 8.8, 2.4, 0, 12.0, -0.4, 2.4),
    (1.2, 1.9, "a user\nasks", GREY),
    (1.2, 0.1, "somebody\nwrote a page", GREY),
    (4.0, 1.0, "a model reads both\nas one text", AMBER),
    (7.2, 1.0, "a gate compares the call\nwith the user's words", RED),
    (10.4, 1.9, "a note goes out", BLUE),
    (10.4, 0.1, "a note is stopped", PURPLE),
    arrows((1.9, 1.8, 2.9, 1.3), (2.0, 0.3, 2.9, 0.8), (5.2, 1.0, 5.7, 1.0)),
    arrows((8.7, 1.25, 9.4, 1.65), (8.7, 0.75, 9.4, 0.35), (2.0, 2.0, 6.6, 1.5)),
)


def said(*ways: tuple[float, float, float, float, str], bad: bool = False) -> Part:
    """Arrows from x, y to x, y with words on them; those of an attacker are dashed."""
    style = {"lw": 1.8, "ls": "--" if bad else "-", "color": AMBER if bad else BLUE}

    def draw(axis: Axes) -> None:
        for x, y, end_x, end_y, text in ways:
            arrow(axis, (x, y), (end_x, end_y), **style)
            middle = (x + end_x) / 2, (y + end_y) / 2
            axis.text(*middle, text, **(TEXT | {"fontsize": 9, "backgroundcolor": "white"}))

    return draw


draw_09a_injected_page = diagram(
    ("Indirect prompt injection", 8.8, 2.6, 0, 10.2, -0.2, 3.2),
    (1.0, 1.0, "user", GREY),
    (4.4, 1.0, "assistant", BLUE),
    (4.4, 2.7, "page", RED),
    (1.0, 2.7, "attacker", AMBER),
    (9.0, 1.6, "colleague", GREY),
    (9.0, 0.3, "attacker's\nfriend", AMBER),
    said((1.4, 1.0, 3.7, 1.0, "asks"), (4.4, 2.4, 4.4, 1.3, "is read")),
    said((5.2, 1.1, 8.2, 1.6, "send_note")),
    said((1.7, 2.7, 4.0, 2.7, "writes an order"), (5.2, 0.9, 8.2, 0.35, "send_note"), bad=True),
)

draw_09a_gate_outside = diagram(
    ("A gate that cannot be talked to", 8.8, 2.3, 0, 11.2, -0.1, 2.3),
    (1.0, 0.4, "page", RED),
    (1.0, 1.9, "user", GREY),
    (4.0, 0.4, "model", BLUE),
    (7.0, 0.4, "gate", PURPLE),
    (10.0, 0.4, "colleague", GREY),
    said((1.4, 0.4, 3.5, 0.4, "text"), (4.5, 0.4, 6.6, 0.4, "call"), bad=True),
    said((1.4, 1.7, 3.6, 0.7, "request"), (1.5, 1.9, 6.8, 0.7, "request")),
    said((7.4, 0.4, 9.2, 0.4, "send_note")),
)

draw_09a_two_channels = diagram(
    ("Above: pasted together.  Below: kept apart", 8.8, 2.9, 0, 9.8, -1.5, 2.7),
    (1.3, 2.2, "command", BLUE),
    (1.3, 1.2, "what was typed", AMBER),
    (4.9, 1.7, "one text", PURPLE),
    (8.3, 1.7, "the database\nreads commands", RED),
    (1.3, 0.0, "what was typed", AMBER),
    (1.3, -1.0, "command with ?", BLUE),
    (8.3, -1.0, "the database\nreads commands", RED),
    (8.3, 0.2, "and fills values in", GREY),
    said((2.1, 2.2, 4.2, 1.85, "")),
    said((2.4, 1.2, 4.2, 1.55, ""), (5.6, 1.7, 7.2, 1.7, ""), bad=True),
    said((2.4, 0.0, 7.2, 0.2, "value"), (2.5, -1.0, 7.2, -1.0, "command")),
)

draw_09b_what_you_will_build = diagram(
    ("Two ways of asking a model", 8.8, 2.3, 0, 12.7, -0.3, 2.5),
    (1.2, 1.1, "pages with\nmade-up\nsecrets", GREY),
    (3.9, 1.1, "a small\nmodel", BLUE),
    (7.0, 1.9, "what comes out again?\nexposure, membership", AMBER),
    (10.9, 1.9, "bound it with noise,\nthen audit the bound", RED),
    (7.0, 0.3, "what goes on inside?\nwords, layers, directions", AMBER),
    (10.9, 0.3, "where do attacks lie?\nall of them, painted", RED),
    arrows((2.1, 1.1, 3.2, 1.1), (4.6, 1.25, 5.3, 1.75), (4.6, 0.95, 5.3, 0.45)),
    arrows((8.75, 1.9, 9.3, 1.9), (8.75, 0.3, 9.3, 0.3)),
)


def draw_09b_rank() -> Figure:
    """Four codes by their losses."""
    figure, axis = canvas(width=7.6, height=2.3)
    losses = {"105": 2.4, "482": 3.1, "771": 5.0, "936": 6.2}
    for place, (code, loss) in enumerate(losses.items()):
        planted = code == "482"
        style = {"color": (AMBER if planted else BLUE) + "90", "hatch": "//" if planted else ""}
        axis.barh(place, loss, **style)
        note = "planted: rank 2, log2(4 / 2) = 1 bit" if planted else f"rank {place + 1}"
        axis.text(loss + 0.1, place, note, va="center", fontsize=9.5)
    axis.set(title="Exposure is a place in a sorted list", xlabel="−ln p of the code (nats)")
    axis.set(ylabel="code", yticks=range(4), yticklabels=losses, ylim=(3.6, -0.6), xlim=(0, 8.6))
    return figure


draw_09b_private_step = diagram(
    ("A private step: no line pulls harder than 1", 8.8, 2.5, 0, 12.0, -0.5, 2.7),
    row(2.2, (1.2, 4.0), "line 1\nlength 5.0|clipped\n1.0", (GREY, BLUE)),
    row(1.1, (1.2, 4.0), "line 2\nlength 0.5|kept\n0.5", (GREY, BLUE)),
    row(0.0, (1.2, 4.0), "line 3\nlength 48|clipped\n1.0", (GREY, BLUE)),
    (6.6, 1.1, "sum", AMBER),
    (8.4, 1.1, "+ noise", RED),
    (10.8, 1.1, "step of\nthe weights", AMBER),
    arrows((2.1, 2.2, 3.3, 2.2), (2.1, 1.1, 3.3, 1.1), (2.1, 0.0, 3.3, 0.0)),
    arrows((4.7, 2.2, 6.2, 1.265), (4.7, 1.1, 6.2, 1.1), (4.7, 0.0, 6.2, 0.935)),
    across(1.1, (7.0, 7.7), (9.1, 9.8)),
)

draw_09b_audit = diagram(
    ("Two hundred guesses from one training", 8.8, 2.1, 0, 13.3, -0.2, 2.2),
    (1.3, 1.0, "200 canaries,\na coin each", GREY),
    (4.2, 1.7, "heads: in", BLUE),
    (4.2, 0.3, "tails: out", BLUE),
    (6.7, 1.0, "one private\ntraining", AMBER),
    (9.2, 1.0, "guess from\nthe noisy sum", RED),
    (11.9, 1.0, "more right than\nε allows?", RED),
    arrows((2.4, 1.15, 3.4, 1.6), (2.4, 0.85, 3.4, 0.4), (4.95, 1.6, 5.8, 1.2)),
    arrows((4.95, 0.4, 8.2, 0.6), (7.6, 1.0, 8.2, 1.0), (10.1, 1.0, 10.7, 1.0)),
)

draw_10_what_you_will_build = diagram(
    ("From a scraped page to a song", 8.8, 2.5, 0, 13.9, -0.3, 2.6),
    (1.1, 2.0, "scraped\nlyrics", GREY),
    (3.3, 2.0, "cleaned,\nwith form", BLUE),
    (5.7, 2.0, "SmolLM2 with\nan adapter", AMBER),
    (8.3, 2.0, "words, section\nby section", RED),
    (3.3, 0.3, "tunes in\nABC letters", GREY),
    (5.7, 0.3, "n-gram and\ntransformer", AMBER),
    (8.3, 0.3, "a melody on\nthe stresses", RED),
    (10.9, 1.15, "band\nand voice", BLUE),
    (13.0, 1.15, "song.wav,\narchive", PURPLE),
    across(2.0, (1.75, 2.55), (4.05, 4.7), (6.75, 7.2)),
    across(0.3, (4.05, 4.75), (6.65, 7.25)),
    arrows((8.3, 1.6, 8.3, 0.72), (9.35, 1.8, 10.2, 1.3), (9.35, 0.5, 10.2, 1.0)),
    across(1.15, (11.6, 12.2)),
)
