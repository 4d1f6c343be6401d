"""The figures of notebooks 09 and 09b."""

from collections.abc import Mapping, Sequence
from statistics import median

from scipy.stats import binomtest

from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas


def searches(runs: Mapping[str, Sequence[Sequence[float]]], title: str) -> DescribedFigure:
    """By method the loss of each run after each step; a mark stands where a run ended."""
    figure, axis = canvas()
    texts = []
    for number, (name, losses) in enumerate(runs.items()):
        style = dict(color=COLOURS[number], ls=("-", "--", ":")[number % 3])
        for row, run in enumerate(losses):
            steps = range(1, len(run) + 1)
            axis.plot(steps, run, lw=1.3, label=name if row == 0 else None, **style)
            axis.plot(len(run), run[-1], MARKERS[number], color=COLOURS[number])
        ends, last = median(map(len, losses)), median(run[-1] for run in losses)
        texts.append(f"{name}: half of {len(losses)} runs ended after {ends:.0f} steps or fewer")
        texts[-1] += f", the middle one at a loss of {last:.2f}"
    axis.set(title=title, xlabel="step of the search", ylabel="loss, nats a token of the goal")
    axis.set_ylim(bottom=0)
    axis.legend()
    return DescribedFigure(figure, "; ".join(texts) + ".")


def board(scores: Mapping[str, Mapping[str, tuple[int, int]]], title: str) -> DescribedFigure:
    """Each defence by the attacks that work and the usefulness that is left, with intervals."""
    figure, axis = canvas(width=8.6, height=4.2)
    texts = []
    for number, (name, own) in enumerate(scores.items()):
        bars, places = [], []
        for hits, of in (own["leaks"], own["useful"]):
            low, high = binomtest(hits, of).proportion_ci(method="wilson")
            places.append(hits / of)
            bars.append([[max(0, hits / of - low)], [max(0, high - hits / of)]])
        style = dict(color=COLOURS[number % len(COLOURS)], marker=MARKERS[number % len(MARKERS)])
        axis.errorbar(*places, xerr=bars[0], yerr=bars[1], label=name, capsize=2, lw=1, **style)
        texts.append(f"{name}: attacks {places[0]:.0%}, useful {places[1]:.0%}")
    axis.set(title=title, xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    axis.set(xlabel="share of attacks that work (left is better)", ylabel="useful under attack")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8.5)
    return DescribedFigure(figure, "; ".join(texts) + ".")
