"""The figures of notebooks 09 and 09b."""

from collections.abc import Mapping, Sequence
from statistics import median

from torch import Tensor

from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas


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


def two_groups(groups: Mapping[str, Tensor], title: str, xlabel: str) -> DescribedFigure:
    """How often each value occurs in two groups, over each other."""
    (figure, axis), texts = canvas(), []
    for number, (name, values) in enumerate(groups.items()):
        style = dict(color=COLOURS[number], hatch=HATCHES[number], edgecolor="white", alpha=0.6)
        axis.hist(values.tolist(), bins=30, label=name, **style)
        texts.append(f"{name} {values.mean():.0f}")
    axis.set(title=title, xlabel=xlabel, ylabel="lines")
    axis.legend()
    return DescribedFigure(figure, f"Means: {', '.join(texts)}.")


def surface(areas: Mapping[str, Tensor], paths: Sequence[Sequence[tuple]] = ()) -> DescribedFigure:
    """Black where a tail of two words opens the gate; the ways of searches, first word upwards."""
    figure, axes = canvas(1, len(areas), width=1.2 + 2.9 * len(areas), height=3.6)
    for axis, (name, area) in zip([axes] if len(areas) == 1 else axes, areas.items(), strict=True):
        axis.imshow(area.numpy(), cmap="Greys", origin="lower", extent=(20, 128, 20, 128))
        for number, path in enumerate(paths):
            style = dict(color=COLOURS[number], marker=MARKERS[number], markevery=[-1], lw=1.5)
            axis.plot([x + 0.5 for _, x in path], [y + 0.5 for y, _ in path], **style)
        axis.axhline(80, color="0.5", ls=":")
        axis.axvline(80, color="0.5", ls=":")
        axis.set(title=name, xlabel="second word", ylabel="first word")
        axis.grid(False)
    texts = [f"{name} {area.float().mean():.2%}" for name, area in areas.items()]
    text = f"Share of open tails: {', '.join(texts)}; words above the dotted lines are rare."
    return DescribedFigure(figure, text)
