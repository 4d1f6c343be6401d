"""A rule for our own figures, and not for what a learner makes of them: title and labels."""

from matplotlib.figure import Figure


def check_labels(figure: Figure) -> None:
    """Fails when a figure lacks a title, or an axis that is drawn its labels."""
    titled = figure.get_suptitle() or all(axis.get_title() for axis in figure.axes[:1])
    assert titled, "the figure has no title"
    for axis in figure.axes:
        if axis.axison and axis.get_label() != "<colorbar>":
            labelled = axis.get_xlabel() and axis.get_ylabel()
            assert labelled, f"an axis of {axis.get_title()!r} has no label"
