"""Draw the pictures that are stored here: `python assets/figures/make.py` from the repository's root."""

from pathlib import Path

from course_lib.embeddings import figures as embeddings
from course_lib.finetuning import figures as finetuning
from course_lib.history import figures as history
from course_lib.start_here import figures as pictures
from course_lib.transformer import figures as transformer
from course_lib.workbook.figures import COLOURS, DescribedFigure, canvas

FOLDER = Path(__file__).parent


def cleaning() -> DescribedFigure:
    """Notebook 04 in one picture: steps, and the three ways to judge them."""
    figure, axis = canvas(width=8.6, height=2.5)
    axis.set(
        title="From a heap of text to a training set, every step judged",
        xlim=(-0.7, 8.7),
        ylim=(-1.35, 0.7),
    )
    axis.set_axis_off()
    steps = ("look", "repair", "filter", "remove\nduplicates", "mask what\nis personal")
    for number, text in enumerate(steps):
        style = {
            "boxstyle": "round,pad=0.45",
            "facecolor": COLOURS[0] + "30",
            "edgecolor": COLOURS[0],
        }
        axis.text(2 * number, 0.25, text, ha="center", va="center", bbox=style, fontsize=9.5)
        if number:
            axis.annotate(
                "",
                (2 * number - 0.72, 0.25),
                (2 * number - 1.28, 0.25),
                arrowprops={"arrowstyle": "->", "lw": 1.5},
            )
    judges = (
        "against the truth:\nprecision and recall",
        "by a model:\nbits a byte, two targets",
        "by you:\na hundred labels",
    )
    for number, text in enumerate(judges):
        style = {
            "boxstyle": "round,pad=0.4",
            "facecolor": COLOURS[1] + "30",
            "edgecolor": COLOURS[1],
        }
        axis.text(1 + 3 * number, -0.95, text, ha="center", va="center", bbox=style, fontsize=9)
        axis.annotate(
            "",
            (1 + 3 * number, -0.2),
            (1 + 3 * number, -0.6),
            arrowprops={"arrowstyle": "->", "lw": 1.2},
        )
    return DescribedFigure(
        figure,
        "Text is looked at, repaired, filtered, freed of duplicates and masked; the steps are judged against a known "
        "truth, by models that learn from the result, and by you.",
    )


if __name__ == "__main__":
    (FOLDER / "course_map.png").write_bytes(
        pictures.course_map(ready=["00", "01", "02", "03", "04", "05"]).png()
    )
    (FOLDER / "00_what_you_will_build.png").write_bytes(pictures.what_you_will_build().png())
    (FOLDER / "01_what_you_will_build.png").write_bytes(history.what_you_will_build().png())
    (FOLDER / "02_what_you_will_build.png").write_bytes(embeddings.what_you_will_build().png())
    (FOLDER / "03_what_you_will_build.png").write_bytes(transformer.what_you_will_build().png())
    (FOLDER / "04_what_you_will_build.png").write_bytes(cleaning().png())
    (FOLDER / "05_what_you_will_build.png").write_bytes(finetuning.what_you_will_build().png())
