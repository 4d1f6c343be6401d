"""Draw the pictures that are stored here: `python assets/figures/make.py` from the repository's root."""

from pathlib import Path

from course_lib.cleaning import figures_models as cleaning
from course_lib.embeddings import figures as embeddings
from course_lib.finetuning import figures as finetuning
from course_lib.history import figures as history
from course_lib.start_here import figures as pictures
from course_lib.transformer import figures as transformer

FOLDER = Path(__file__).parent

if __name__ == "__main__":
    (FOLDER / "course_map.png").write_bytes(
        pictures.course_map(ready=["00", "01", "02", "03", "04", "05"]).png()
    )
    (FOLDER / "00_what_you_will_build.png").write_bytes(pictures.what_you_will_build().png())
    (FOLDER / "01_what_you_will_build.png").write_bytes(history.what_you_will_build().png())
    (FOLDER / "02_what_you_will_build.png").write_bytes(embeddings.what_you_will_build().png())
    (FOLDER / "03_what_you_will_build.png").write_bytes(transformer.what_you_will_build().png())
    (FOLDER / "04_what_you_will_build.png").write_bytes(cleaning.what_you_will_build().png())
    (FOLDER / "05_what_you_will_build.png").write_bytes(finetuning.what_you_will_build().png())
