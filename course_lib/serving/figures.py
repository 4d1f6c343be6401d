"""The figures of notebook 08."""

from collections.abc import Mapping, Sequence

from course_lib.serving.engine import Step
from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas


def film(trace: Sequence[Step], title: str) -> DescribedFigure:
    """By step (across) and request (down): a filled square reads a prompt, a ring writes."""
    numbers = sorted({n for step in trace for n in (*step.prefilled, *step.decoded)})
    rows = {number: row for row, number in enumerate(numbers)}
    figure, axis = canvas(width=9.2, height=1.2 + 0.32 * len(rows))
    for name, marker, fill, who in (
        ("reads its prompt", "s", COLOURS[1], lambda step: step.prefilled),
        ("writes a token", "o", "white", lambda step: step.decoded),
    ):
        places = [(at, rows[n]) for at, step in enumerate(trace, 1) for n in who(step)]
        style = dict(marker=marker, ms=6, mfc=fill, mec=COLOURS[1 if fill != "white" else 0])
        axis.plot(*zip(*places, strict=True), ls="", label=name, **style)
    axis.set_yticks(range(len(rows)), [f"request {row + 1}" for row in rows.values()])
    axis.invert_yaxis()
    axis.set(title=title, xlabel="step of the engine")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    wrote = [sum(number in step.decoded for step in trace) for number in numbers]
    most = max(len(step.prefilled) + len(step.decoded) for step in trace)
    text = f"{len(rows)} requests in {len(trace)} steps, at most {most} in one; after its prompt "
    return DescribedFigure(figure, text + f"each wrote on in {', '.join(map(str, wrote))} steps.")


def latencies(
    runs: Mapping[str, Mapping[float, tuple[float, float]]], title: str, limit: float
) -> DescribedFigure:
    """By name and rate of arrivals (a second) the median and the 95th percentile, in seconds."""
    figure, axis = canvas()
    texts = []
    for number, (name, points) in enumerate(runs.items()):
        rates = sorted(points)
        for place, (style, what) in enumerate((("-", "median"), ("--", "95 of 100"))):
            values = [points[rate][place] for rate in rates]
            marks = dict(color=COLOURS[number], marker=MARKERS[number])
            axis.plot(rates, values, style, label=f"{name}, {what}", **marks)
        last = rates[-1]
        texts.append(
            f"{name}: at {last:.1f} a second half of the answers take {points[last][0]:.1f} s or "
            f"less, and 95 of 100 {points[last][1]:.1f} s"
        )
    axis.axhline(limit, color="0.5", lw=1, ls=":")
    axis.annotate("limit", (axis.get_xlim()[0], limit), fontsize=9, va="bottom")
    axis.set(title=title, xlabel="requests a second", ylabel="seconds until the whole answer")
    axis.legend(fontsize=8.5)
    return DescribedFigure(figure, "; ".join(texts) + ".")
