"""The figures of notebook 07."""

from collections.abc import Mapping

from scipy.stats import binomtest

from course_lib.workbook.figures import COLOURS, MARKERS, DescribedFigure, canvas


def shares(
    values: Mapping[str, Mapping[str, tuple[int, int]]], title: str, ylabel: str
) -> DescribedFigure:
    """By row and series the share of (hits, number) with its 95 % interval (Wilson 1927)."""
    figure, axis = canvas(height=1.2 + 0.45 * len(values))
    texts = []
    for row, (name, own) in enumerate(values.items()):
        for place, (series, (hits, number)) in enumerate(own.items()):
            low, high = binomtest(hits, number).proportion_ci(method="wilson")
            y, share = row + 0.16 * (2 * place - len(own) + 1), hits / number
            style = dict(color=COLOURS[place], marker=MARKERS[place], capsize=3)
            label = series if row == 0 else None
            axis.errorbar(share, y, xerr=[[share - low], [high - share]], label=label, **style)
        texts.append(f"{name}: {', '.join(f'{s} {h} of {n}' for s, (h, n) in own.items())}")
    axis.set_yticks(range(len(values)), list(values))
    axis.invert_yaxis()
    axis.set(title=title, xlim=(-0.03, 1.03), xlabel="share, and 95 % interval", ylabel=ylabel)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return DescribedFigure(figure, "; ".join(texts) + ".")
