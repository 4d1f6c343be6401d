"""The pictures of notebooks 04, 04b and 05, with the numbers of the text around them."""

import random
from itertools import count

from colours import AMBER, BLUE, BROWN, GREY, ORANGE, PURPLE, RED
from drawing import TEXT, across, arrows, diagram, labels, row
from matplotlib.figure import Figure

from course_lib.workbook.figures import canvas

NOTE = {"va": "baseline", "fontsize": 9}

CLEANING = "look|filter|remove\nduplicates|check\nfor leaks|repair"
draw_04_what_you_will_build = diagram(
    ("From a heap of text to clean text, every step judged", 8.6, 2.5, -0.7, 8.7, -1.35, 0.7),
    row(0.25, count(0, 2), CLEANING, [BLUE], pad=0.45),
    (1, -0.95, "against the truth:\nprecision and recall", AMBER),
    (4, -0.95, "by a model:\nbits per byte, two targets", AMBER),
    (7, -0.95, "by you:\nread what is dropped", AMBER),
    across(0.25, (0.72, 1.28), (2.72, 3.28), (4.72, 5.28), (6.72, 7.28)),
    arrows((1, -0.6, 1, -0.2), (4, -0.6, 4, -0.2), (7, -0.6, 7, -0.2)),
    pad=0.45,
)

LINE, FOUR = "Ten past one on a\nWednesday, and …", (1.0, 4.0, 7.3, 9.8)
DIRTY = "[Dm]Ten past one on a\nWednesday,&nbsp;and …"
draw_04_three_models = diagram(
    ("One songbook, three states, three models", 8.8, 2.9, 0, 10.8, -0.4, 3.2),
    row(2.6, FOUR, f"scraped|{DIRTY}|trigram\nmodel|writes …", (AMBER, GREY)),
    row(1.4, FOUR, f"cleaned|{LINE}|trigram\nmodel|writes …", (BLUE, GREY)),
    row(0.2, FOUR, f"true|{LINE}|trigram\nmodel|writes …", (RED, GREY)),
    *(across(y, (1.65, 2.4), (5.6, 6.6), (8.0, 9.0)) for y in (2.6, 1.4, 0.2)),
)

SMALLEST = [BLUE] * 4 + [AMBER] + [BLUE] * 3
draw_04_minhash = diagram(
    ("One scramble: 5 · number + 2, remainder of a division by 11", 8.8, 2.9, 0, 12.9, -0.3, 4.0),
    row(3.4, count(3.2), "0|1|2|3|4|5|6|7", name="shingle"),
    row(2.4, count(3.2), "2|7|1|6|0|5|10|4", name="scrambled"),
    row(1.3, count(3.2), "2|7|1|6|0|5|10|", SMALLEST, name="“… slow” has"),
    row(0.3, count(3.2), "2|7|1|6|0|5||4", SMALLEST, name="“… fun” has"),
    (11.9, 1.3, "keeps 0", AMBER),
    (11.9, 0.3, "keeps 0", AMBER),
)

SIX, PAIRS = (3.9, 4.9, 7.1, 8.1, 10.3, 11.3), (BLUE, BLUE, AMBER, AMBER)
BUCKETS = "same: one bucket|different|same: one bucket"
draw_04_bands = diagram(
    ("Three bands of two rows", 8.8, 2.6, 0, 12.9, -0.9, 2.8),
    row(2.3, (4.4, 7.6, 10.8), "band 1|band 2|band 3"),
    row(1.4, SIX, "0|0|0|0|1|0", PAIRS, name="“… slow”"),
    row(0.5, SIX, "0|0|1|0|1|0", PAIRS, name="“… fun”"),
    row(-0.5, (4.4, 7.6, 10.8), BUCKETS, (BLUE, AMBER)),
)

draw_04_leak = diagram(
    ("A leak", 8.8, 2.2, 0, 11.2, -0.3, 2.4),
    (2.0, 1.9, "training: 113 songs", BLUE),
    (5.4, 1.9, "5 twins", AMBER),
    (9.3, 1.9, "model", GREY),
    (5.4, 0.3, "5 held-out songs:\ntests memory", AMBER),
    (9.3, 0.3, "5 held-out songs:\ntests the model", RED),
    arrows((3.6, 1.9, 4.7, 1.9), (6.1, 1.9, 8.6, 1.9), (5.4, 0.8, 5.4, 1.5)),
)

draw_04_mojibake = diagram(
    ("Mojibake: written in one code, read in another", 8.8, 1.6, 0, 11.2, -0.1, 1.4),
    (0.9, 0.6, "é", RED),
    row(0.6, (4.3, 5.9), "byte C3|byte A9"),
    row(0.6, (9.5, 10.4), "Ã|©", [AMBER]),
    across(0.6, (1.4, 3.5), (6.7, 9.0)),
    labels((2.45, 0.95, "written in UTF-8"), (7.85, 0.95, "read in Windows-1252"), **NOTE),
)

TWELVE = [3.6 + 0.72 * number for number in range(1, 13)]
MISSED = [BLUE] * 7 + [AMBER, BLUE] + [AMBER] * 3
draw_04_precision_recall = diagram(
    ("Precision 3 of 4, recall 3 of 6", 8.8, 1.9, 0, 12.9, 0.1, 2.9),
    row(2.4, TWELVE, "1|2|3|4|5|6|7|8|9|10|11|12", name="lines of a page"),
    row(1.5, TWELVE, "|2|||5||7||9", [AMBER] * 4 + [BLUE] * 5, name="flagged by the rule"),
    row(0.6, TWELVE, "||||5||7|8|9||11|12", MISSED, name="damaged"),
)

TEN, SIX_BLOCKS = "|".join(["   "] * 10), "|".join(["   "] * 6)
draw_04_two_questions = diagram(
    ("Two fair questions", 8.8, 2.5, 0, 13.2, -0.2, 3.7),
    row(3.1, count(4.6, 0.75), TEN, [AMBER] * 6 + [GREY] * 4, name="equal budget: raw"),
    row(2.3, count(4.6, 0.75), SIX_BLOCKS, [BLUE], name="equal budget: cleaned"),
    row(1.1, count(4.6, 0.75), TEN, [AMBER], name="all that is left: raw"),
    row(0.3, count(4.6, 0.75), SIX_BLOCKS, [BLUE], name="all that is left: cleaned"),
    *((12.3, y, "reads 6", GREY) for y in (3.1, 2.3, 0.3)),
    (12.3, 1.1, "reads 10", GREY),
)


def draw_04_ten_words() -> Figure:
    """Ten words in five generations."""
    colours = {"leek": BLUE, "frost": AMBER, "gate": RED, "spade": PURPLE, "worm": BROWN}
    colours |= {"dew": ORANGE, "the": GREY}
    rng, words, rows = random.Random(4), ["the"] * 4 + [*colours][:6], []
    for generation in range(5):
        name, shades = f"{generation}: {len(set(words))} different", map(colours.get, sorted(words))
        y = 2.6 - 0.75 * generation
        rows.append(row(y, count(3.2), "|".join(sorted(words)), [*shades], name))
        words = rng.choices(words, k=10)
    frame = ("Each row is drawn from the one above", 8.8, 2.9, 0, 12.9, -0.9, 3.1)
    return diagram(frame, *rows)()


STEPS = "page|text|judged|words of\nyour field|examples|masked|data card"
draw_04b_what_you_will_build = diagram(
    ("From a page to a training set", 8.8, 1.4, 0, 12.2, -0.2, 1.2),
    row(0.5, count(0.8, 1.75), STEPS, (BLUE, AMBER, RED)),
    across(0.5, *((1.4 + 1.75 * n, 1.9 + 1.75 * n) for n in range(6))),
)

draw_04b_page = diagram(
    ("A page and two programs", 8.8, 2.4, 0, 10.0, -0.1, 3.2),
    (2.0, 2.7, "menu", GREY),
    (2.0, 1.95, "the text of the article", BLUE),
    (2.0, 1.2, "advert", GREY),
    (2.0, 0.45, "footer", GREY),
    (7.6, 2.2, "stripper: all four", AMBER),
    (7.6, 0.8, "extractor: the text", BLUE),
    arrows((4.0, 1.8, 5.9, 2.2), (4.0, 1.5, 5.9, 0.9)),
)

draw_04b_regression = diagram(
    ("Logistic regression reads “deals the ramp” (weights invented)", 8.8, 2.3, 0, 11.4, -0.1, 2.8),
    (1.3, 2.3, "deals  −1.2", AMBER),
    (1.3, 1.3, "the  +0.3", BLUE),
    (1.3, 0.3, "ramp  +0.5", BLUE),
    (4.5, 1.3, "sum  −0.4", GREY),
    (7.5, 1.3, "squeezed:\n0.40", GREY),
    (10.2, 1.3, "below 0.5:\ndrop", AMBER),
    arrows((2.3, 2.2, 3.7, 1.5), (2.3, 1.3, 3.7, 1.3), (2.3, 0.4, 3.7, 1.1)),
    across(1.3, (5.3, 6.6), (8.3, 9.3)),
)


def draw_04b_ask() -> Figure:
    """Documents on a line of probabilities; those near one half are asked about."""
    figure, axis = canvas(width=8.4, height=1.7)
    probs = (0.03, 0.35, 0.48, 0.56, 0.71, 0.98)
    nearest = sorted(probs, key=lambda prob: abs(prob - 0.5))[:3]
    for prob in probs:
        asked = prob in nearest
        axis.plot(prob, 0, "o" if asked else "s", color=AMBER if asked else BLUE, ms=10)
        order = f"\nask {nearest.index(prob) + 1}" if asked else ""
        axis.annotate(f"{prob}{order}", (prob, 0.25), ha="center", va="bottom", fontsize=9)
    axis.axvline(0.5, ymax=0.35, color="black", lw=1)
    axis.set(title="Ask where the model is unsure", xlabel="probability of “keep”")
    axis.set(ylim=(-0.5, 1.4), yticks=[], xlim=(-0.05, 1.05))
    return figure


# A new row of the embedding. The pieces are mini-falcon's.
MEAN = "A new token starts as the mean of its pieces (numbers invented)"
draw_04b_new_token = diagram(
    (MEAN, 8.8, 2.6, 0, 12.4, -0.4, 2.8),
    row(2.2, (1.4, 4.5), "“ Can”|0.3  0.6", [BLUE]),
    row(1.2, (1.4, 4.5), "“o”|0.9  0.0", [BLUE]),
    row(0.2, (1.4, 4.5), "“py”|0.0  0.3", [BLUE]),
    (8.6, 1.2, "mean\n0.4  0.3", AMBER),
    (11.0, 1.2, "“ Canopy”\nnew row", RED),
    arrows((5.7, 2.2, 7.5, 1.2), (5.7, 1.2, 7.5, 1.2), (5.7, 0.2, 7.5, 1.2), (9.6, 1.2, 10.1, 1.2)),
)

TRIPLE = "When do we pay?|On the 10th …|Two new cells."
draw_04b_forms = diagram(
    ("One fact, three forms", 8.8, 2.3, 0, 13.6, -0.5, 2.8),
    row(2.2, [6.4], "We pay on the 10th and the 25th.", [BLUE], name="raw text"),
    row(1.1, (5.0, 8.9), "When do we pay?|On the 10th …", (GREY, BLUE), name="prompt, completion"),
    row(0.0, (5.0, 8.9, 11.9), TRIPLE, (GREY, BLUE, AMBER), name="prompt, chosen,\nrejected"),
)

draw_04b_luhn = diagram(
    ("Luhn: double every second digit from the right", 8.8, 1.9, 0, 11.4, 0.0, 2.2),
    row(1.6, count(4.0, 1.6), "1|2|5", name="digits"),
    row(0.5, count(4.0, 1.6), "1|2 · 2 = 4|5", (BLUE, AMBER, BLUE), name="from the right"),
    labels((8.3, 0.5, "1 + 4 + 5 = 10: passes"), ha="left", fontsize=10),
)

draw_05_what_you_will_build = diagram(
    ("A large frozen model, and a small detour that learns", 8.4, 2.5, 0, 10, -0.2, 2.7),
    (0.9, 1.3, "input x", GREY),
    (4.8, 2.0, "base W, frozen\n4 bits a weight", BLUE),
    (3.6, 0.5, "A\nlearns", AMBER),
    (6.0, 0.5, "B\nlearns", AMBER),
    (9.1, 1.3, "output\nWx + s·B(Ax)", GREY),
    arrows((1.3, 1.4, 4.05, 2.0), (5.55, 2.0, 8.45, 1.45), lw=1.3),
    arrows((1.3, 1.2, 3.2, 0.6), (3.95, 0.5, 5.65, 0.5), (6.35, 0.55, 8.45, 1.15), lw=1.3),
    labels((4.8, -0.12, "rank 16: A makes a long vector short, B makes it long again"), **NOTE),
)

draw_05_the_dial = diagram(
    ("One weight, and how much of the change is used", 8.8, 1.7, 0, 10, 0, 1.8),
    (1.2, 0.8, "0.40 + 0 × (−0.10)\n= 0.40", BLUE),
    (3.7, 0.8, "0.40 + 0.5 × (−0.10)\n= 0.35", AMBER),
    (6.2, 0.8, "0.40 + 1 × (−0.10)\n= 0.30", AMBER),
    (8.7, 0.8, "0.40 + 1.5 × (−0.10)\n= 0.25", AMBER),
    labels((1.2, 0.15, "strength 0: the base alone"), **NOTE),
    labels((3.7, 0.15, "strength 0.5: half of it"), **NOTE),
    labels((6.2, 0.15, "strength 1: as learned"), **NOTE),
    labels((8.7, 0.15, "strength 1.5: too much?"), **NOTE),
)


def draw_05_bytes_of_a_weight() -> Figure:
    """Sixteen bytes for a weight that learns, half a byte for one that is frozen in four bits."""
    figure, axis = canvas(width=8.4, height=1.9)
    parts = {"weight": BLUE, "gradient": AMBER, "Adam's mean": RED, "Adam's squares": GREY}
    for number, (part, colour) in enumerate(parts.items()):
        axis.barh(0, 4, 0.7, 4 * number, color=colour + "50", edgecolor=colour)
        axis.text(4 * number + 2, 0, f"{part}\n4 bytes", **TEXT)
    axis.barh(1, 0.5, 0.7, 0, color=BLUE + "50", edgecolor=BLUE)
    axis.text(0.8, 1, "4 bits: half a byte", va="center", fontsize=9.5)
    axis.set(title="What one weight costs", xlabel="bytes", ylabel="a weight that")
    axis.set(ylim=(1.5, -0.5), yticks=(0, 1), yticklabels=("learns", "is frozen"))
    return figure


FIVE = 3.6, 4.9, 6.2, 7.5, 8.6
draw_05_block_in_bytes = diagram(
    ("Two weights, one byte", 8.8, 3.0, 0, 9.6, -0.75, 3.5),
    row(3, FIVE, "0.31|−0.12|0.70|0.05|…", [BLUE] * 4 + [GREY]),
    row(2, FIVE, "0.44|−0.17|1.00|0.07|…", [AMBER] * 4 + [GREY]),
    row(1, FIVE, "12|5|15|8|…", [RED] * 4 + [GREY]),
    row(0, (4.25, 6.85), "12 · 16 + 5 = 197|15 · 16 + 8 = 248", [PURPLE]),
    *(arrows((x, 2.72, x, 2.28), (x, 1.72, x, 1.28)) for x in FIVE[:4]),
    arrows((3.6, 0.72, 4, 0.28), (4.9, 0.72, 4.5, 0.28)),
    arrows((6.2, 0.72, 6.6, 0.28), (7.5, 0.72, 7.1, 0.28)),
    labels((2.9, 3, "weights"), (2.9, 2, "divided by the largest, 0.70"), ha="right"),
    labels((2.9, 1, "number of the nearest level"), (2.9, 0, "bytes"), ha="right"),
    labels((5.5, -0.65, "kept for 64 weights: 32 bytes and the scale 0.70"), va="baseline"),
)

THROUGH = "Two numbers go through the base and through a detour of one number"
draw_05_detour = diagram(
    (THROUGH, 8.8, 2.4, 0, 11, -0.1, 2.7),
    (0.9, 1.3, "x = (2, 4)", GREY),
    (5.0, 2.1, "base W, frozen: leaves it as it is\n(2, 4)", BLUE),
    (3.4, 0.5, "A adds up\n2 + 4 = 6", AMBER),
    (6.6, 0.5, "B gives half to the second\n(0, 3)", AMBER),
    (9.7, 1.3, "(2, 4) + (0, 3)\n= (2, 7)", GREY),
    arrows((1.5, 1.45, 3.1, 2.0), (6.9, 2.0, 8.7, 1.5)),
    arrows((1.5, 1.15, 2.7, 0.65), (4.15, 0.5, 5.15, 0.5), (8.05, 0.65, 8.7, 1.1)),
)

BLOCK = "A block of Falcon-7B: four frozen layers, four detours of rank 16"
draw_05_detours_in_a_block = diagram(
    (BLOCK, 8.8, 2.9, 0, 9.8, -0.2, 3.1),
    row(2.62, (2.3, 7.1), "query_key_value|dense", [BLUE]),
    row(1.98, (2.3, 7.1), "+ detour 147,456|+ detour 145,408", [AMBER]),
    row(0.92, (2.3, 7.1), "dense_h_to_4h|dense_4h_to_h", [BLUE]),
    row(0.28, (2.3, 7.1), "+ detour 363,520|+ detour 363,520", [AMBER]),
    (4.75, 2.3, "attention", GREY),
    (4.75, 0.6, "GELU", GREY),
    (0.3, 1.45, "x", GREY),
    (9.3, 1.45, "sum", GREY),
    *(across(y, (3.5, 4.0), (5.5, 5.95)) for y in (2.3, 0.6)),
    arrows((0.5, 1.6, 1.1, 2.3), (8.25, 2.3, 8.95, 1.6)),
    arrows((0.5, 1.3, 1.1, 0.6), (8.25, 0.6, 8.95, 1.3)),
)

draw_05_the_trap = diagram(
    ("The question that nobody sees", 8.8, 2.2, 0, 10, 0, 2.5),
    (1.4, 1.2, "load_in_4bit=True", GREY),
    (4.6, 1.2, "is the layer's class\nexactly nn.Linear?", RED),
    (8.3, 1.9, "a Llama's layer: yes\npacked into 4 bits", BLUE),
    (8.3, 0.5, "FalconLinear: no\nleft in 16 bits, no error", AMBER),
    arrows((2.45, 1.2, 3.55, 1.2), (5.65, 1.4, 7.1, 1.8), (5.65, 1.0, 7.0, 0.6)),
)

draw_05_two_tokenizers = diagram(
    ("A token's number is a place in a table", 8.8, 2.2, 0, 9.2, 0, 2.5),
    (1.0, 1.2, "“list”", GREY),
    (3.3, 1.9, "its own tokenizer:\n812", BLUE),
    (3.3, 0.5, "another one:\n1377", AMBER),
    (7.2, 1.9, "row 812 of the embedding,\nlearned from “list”", BLUE),
    (7.2, 0.5, "row 1377 of the embedding,\nlearned from “chart”", AMBER),
    arrows((1.4, 1.35, 2.35, 1.8), (1.4, 1.05, 2.35, 0.6)),
    arrows((4.25, 1.9, 5.6, 1.9), (4.25, 0.5, 5.6, 0.5)),
)

LABELS = "−100|−100|−100|21|22|0|−100|−100"
draw_05_what_is_learned = diagram(
    ("What is read, and what is learned", 8.8, 2.1, 0, 12, 0.1, 2.5),
    row(1.5, count(2.2, 1.3), "11|12|13|21|22|0|0|0"),
    row(0.6, count(2.2, 1.3), LABELS, [RED] * 3 + [BLUE] * 3 + [RED] * 2),
    labels((3.5, 2.1, "question"), (6.75, 2.1, "answer")),
    labels((8.7, 2.1, "end"), (10.65, 2.1, "padding")),
    labels((1.5, 1.5, "tokens"), (1.5, 0.6, "labels"), ha="right"),
)

draw_05_three_piles = diagram(
    ("Three piles of rows", 8.8, 2.4, 0, 10, -0.1, 2.7),
    (1.5, 2.1, "training documents:\nrows to learn from", BLUE),
    (1.5, 0.5, "held-out documents:\nrows never learned", AMBER),
    (8.3, 0.5, "another kind of text:\nrows never learned", RED),
    (4.9, 2.1, "the adapter\nlearns", BLUE),
    (4.9, 0.5, "has it learned\nthe new?", AMBER),
    (8.3, 2.1, "what has\nit forgotten?", RED),
    arrows((2.75, 2.1, 4.15, 2.1), (2.75, 0.5, 3.95, 0.5), (8.3, 0.95, 8.3, 1.7)),
    arrows((4.9, 1.7, 4.9, 0.95), (5.7, 2.1, 7.3, 2.1)),
)

draw_05_the_archive = diagram(
    ("An adapter goes into a file and comes back", 8.8, 2.3, 0, 10.2, -0.1, 2.6),
    (1.2, 1.2, "adapter, tokenizer,\ncard, name and\nchecksum of the base", AMBER),
    (4.2, 1.2, "one zip", GREY),
    (6.3, 2.0, "SHA-256,\nkept elsewhere", RED),
    (6.3, 0.4, "tomorrow:\nsame base, loaded", BLUE),
    (9.3, 1.2, "the same\nanswers", GREY),
    arrows((2.5, 1.2, 3.65, 1.2), (4.7, 1.35, 5.5, 1.85), (7.15, 1.85, 8.65, 1.35)),
    arrows((4.7, 1.05, 5.3, 0.6), (7.3, 0.55, 8.65, 1.05)),
)
