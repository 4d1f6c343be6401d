"""The figures of notebook 07."""

from collections.abc import Mapping, Sequence

from scipy.stats import binomtest

from course_lib.workbook.figures import COLOURS, HATCHES, MARKERS, DescribedFigure, canvas

Arrows = Mapping[tuple[int, str], int]  # in which state, what letter → the next state


def automaton(arrows: Arrows, ends: set[int], title: str) -> DescribedFigure:
    """States in a row, each with arrows to itself and the next; at a double ring one may end."""
    figure, axis = canvas(width=7.6, height=2.4)
    for (state, letter), there in {(0, ""): 1, **arrows}.items():
        loop, style = state == there, dict(arrowstyle="-|>", lw=1.6, shrinkA=19, shrinkB=19)
        style |= dict(connectionstyle="arc3,rad=-2.6", shrinkA=0, shrinkB=0) if loop else {}
        side, height = (0.07, 0.22) if loop else (0, 0)
        axis.annotate("", (there + side, height), (state - side, height), arrowprops=style)
        height = 0.62 if loop else 0.1
        axis.text((state + there) / 2, height, letter, ha="center", fontsize=12)
        ring = dict(marker="o", mfc="white", mec=COLOURS[0], mew=1.6)
        axis.plot(there, 0, ms=34, **ring)
        axis.plot(there, 0, ms=27 if there in ends else 1, **ring)
        axis.text(there, 0, str(there), ha="center", va="center", weight="bold", fontsize=12)
    axis.set(title=title, xlim=(0.3, max(arrows.values()) + 0.5), ylim=(-0.45, 0.95))
    axis.set_axis_off()
    texts = [f"{letter} from {state} to {there}" for (state, letter), there in arrows.items()]
    last = ", ".join(map(str, sorted(ends)))
    return DescribedFigure(figure, f"Arrows: {'; '.join(texts)}. The text may end in {last}.")


def trie(tokens: Sequence[str], arrows: Arrows, state: int, title: str) -> DescribedFigure:
    """The tokens' common beginnings, each with the state that it leads to; grey was cut off."""
    figure, axis = canvas(width=7.6, height=3.6)
    nodes = sorted({token[:n] for token in tokens for n in range(len(token) + 1)})
    leaves = [node for node in nodes if sum(other.startswith(node) for other in nodes) == 1]
    places, reached = {}, {}
    for node in sorted(nodes, key=len):
        below = [row for row, leaf in enumerate(leaves) if leaf.startswith(node)]
        x, y = places[node] = (len(node), -(below[0] + below[-1]) / 2)
        before = reached.get(node[:-1])
        reached[node] = arrows.get((before, node[-1]), 0) if node else state
        alive, whole = reached[node] > 0, node in tokens
        colour = COLOURS[0] if alive else "0.6"
        if node:
            a, b = places[node[:-1]]
            axis.plot((a, x), (b, y), color=colour, lw=1.8, ls="-" if alive else "--", zorder=1)
            axis.text((a + x) / 2, (b + y) / 2 + 0.16, node[-1], color=colour, fontsize=12)
        fill = colour if whole and alive else "white"
        axis.plot(x, y, "s" if whole else "o", ms=22, mfc=fill, mec=colour)
        style = dict(ha="center", va="center", color="white" if fill == colour else colour)
        axis.text(x, y, str(reached[node]) if alive else "×", weight="bold", **style)
        axis.text(x, y - 0.42, f"“{node}”" * whole, ha="center", va="center", color=colour)
    axis.set(title=title, xlim=(-0.3, max(map(len, tokens)) + 0.3), ylim=(0.3 - len(leaves), 0.5))
    axis.set_axis_off()
    names = ", ".join(f"“{token}”" for token in tokens if reached[token])
    return DescribedFigure(figure, f"From state {state} the tokens {names} may come; × is cut off.")


def chances(values: Mapping[str, Mapping[str, float]], title: str) -> DescribedFigure:
    """By name a probability for each text, side by side. All names have the same texts."""
    figure, axis = canvas(width=8.2)
    texts = list(next(iter(values.values())))
    for number, (name, probs) in enumerate(values.items()):
        places = [row + 0.8 * number / len(values) for row in range(len(texts))]
        style = dict(color=COLOURS[number], hatch=HATCHES[number], edgecolor="white", align="edge")
        axis.bar(places, probs.values(), 0.8 / len(values), label=name, **style)
    axis.set_xticks([row + 0.4 for row in range(len(texts))], texts)
    axis.set(title=title, xlabel="text", ylabel="probability")
    axis.legend()
    best = (
        f"{name}: “{max(p, key=p.get)}” with {max(p.values()):.2f}" for name, p in values.items()
    )
    return DescribedFigure(figure, f"The likeliest by {'; by '.join(best)}.")


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
