"""The figures of notebooks 09 and 09b."""

from collections.abc import Mapping, Sequence
from statistics import median

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
