"""The figures of notebook 05 about training and what came of it, shared with its slides."""

from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.errors import CourseError
from course_lib.finetuning.train import Outcome
from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas


def curve(outcome: Outcome, patience: int, tolerance: float) -> DescribedFigure:
    """Training loss, held-out loss, the band in which the rule calls it stable, the best step."""
    if not outcome.evaluations:
        raise CourseError(
            "There is no evaluation to draw yet: let the training go on with resume=True."
        )
    figure, axis = canvas(width=7.8, height=3.3)
    axis.plot(
        *zip(*outcome.losses, strict=True), color=COLOURS[3], lw=1, label="training, step by step"
    )
    axis.plot(
        *zip(*outcome.evaluations, strict=True),
        MARKERS[0] + "-",
        color=COLOURS[0],
        label="held out",
    )
    best = dict(outcome.evaluations).get(outcome.best, min(loss for _, loss in outcome.evaluations))
    axis.plot(outcome.best, best, MARKERS[7], ms=14, color=COLOURS[2], label="kept")
    if outcome.stable is not None:
        steps = [step for step, _ in outcome.evaluations]
        start = steps[max(0, len(steps) - patience - 1)]
        reach = min(loss for step, loss in outcome.evaluations if step <= start)
        axis.fill_between(
            [start, outcome.stable],
            reach * (1 - tolerance),
            reach,
            color=COLOURS[1],
            alpha=0.5,
            hatch="//",
            label="not better by enough",
        )
    axis.set(title="Fine-tuning", xlabel="step", ylabel="loss (nats a token)")
    axis.legend()
    how = (
        f"the rule ended it at step {outcome.stable}"
        if outcome.stable
        else "it ran to its last step"
    )
    if outcome.interrupted:
        how = f"it was interrupted after step {outcome.losses[-1][0]}"
    first = outcome.evaluations[0]
    return DescribedFigure(
        figure,
        f"The held-out loss went from {first[1]:.2f} (step {first[0]}) to {best:.2f} (step {outcome.best}, kept); "
        f"{how}.",
    )


def before_and_after(
    found: Mapping[str, tuple[float, float]], label: str = "bits a byte"
) -> DescribedFigure:
    """Two bars for each text: before and after fine-tuning. Lower is better."""
    figure, axis = canvas(width=6.6, height=2.9)
    places = np.arange(len(found))
    for number, name in enumerate(("before", "after")):
        sizes = [pair[number] for pair in found.values()]
        bars = axis.bar(
            places + 0.4 * number - 0.2,
            sizes,
            0.38,
            label=name,
            color=COLOURS[number],
            hatch=HATCHES[number],
            edgecolor="white",
        )
        axis.bar_label(bars, fmt="%.2f")
    axis.set_xticks(places, list(found))
    axis.set(title="Learned, and forgotten", xlabel="held-out text", ylabel=label)
    axis.margins(y=0.15)
    axis.legend()
    told = "; ".join(
        f"{name} {before:.2f} → {after:.2f}" for name, (before, after) in found.items()
    )
    return DescribedFigure(figure, f"Surprise in {label}, lower is better: {told}.")


def amounts(found: Mapping[str, Sequence[tuple[int, float]]], unaltered: float) -> DescribedFigure:
    """Held-out bits a byte against the amount of own text (bytes), a line a way, and the base as it is."""
    figure, axis = canvas(width=7.6, height=3.6)
    for number, (name, pairs) in enumerate(found.items()):
        axis.plot(
            *zip(*pairs, strict=True), MARKERS[number] + "-", color=COLOURS[number], label=name
        )
    axis.axhline(unaltered, color="black", ls="--", label="massive data alone: the base, unaltered")
    axis.set(
        title="Massive data, your own, or both",
        xlabel="own text (bytes, log scale)",
        xscale="log",
        ylabel="held-out bits a byte",
    )
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    told = "; ".join(f"{name} {pairs[-1][1]:.2f}" for name, pairs in found.items())
    return DescribedFigure(
        figure,
        f"With all of your own text: {told}; the base as it is {unaltered:.2f} (lower is better).",
    )


def swept(found: Mapping[str, Mapping[str, float]]) -> DescribedFigure:
    """Held-out loss for several settings, a panel a setting."""
    figure, axes = canvas(1, len(found), width=8.4, height=2.8)
    low = min(min(values.values()) for values in found.values())
    high = max(max(values.values()) for values in found.values())
    room = 0.15 * (high - low) + 1e-6
    for number, (axis, (name, values)) in enumerate(
        zip(np.atleast_1d(axes), found.items(), strict=True)
    ):
        axis.plot(
            range(len(values)), list(values.values()), MARKERS[number] + "-", color=COLOURS[number]
        )
        axis.set_xticks(range(len(values)), list(values))
        axis.set(
            title=name,
            xlabel=name,
            ylabel="held-out loss" if number == 0 else " ",
            ylim=(low - room, high + room),
        )
    told = "; ".join(
        f"{name}: best {min(values, key=values.get)}" for name, values in found.items()
    )
    return DescribedFigure(figure, f"Held-out loss after equally many steps. {told}.")
