"""The model card of an export."""

import pytest

from slanted.text.exporting.card import write_card
from slanted.text.runs.artefacts import CARD_MARK

pytestmark = pytest.mark.once

CHECK = {
    "rows": 1500,
    "part": "test",
    "equal_labels": 1498,
    "largest_difference": 0.0123,
    "scores": {"export": {"accuracy": 0.961}, "model": {"accuracy": 0.966}},
}
CONTENT = {"task": "single", "precision": "int8", "check": CHECK}


def card(folder, content, text=None):
    for name in ("run", "out"):
        (folder / name).mkdir()
    if text is not None:
        (folder / "run" / "README.md").write_text(text)
    write_card(content, "a folder of transformers", folder / "run", folder / "out")
    return (folder / "out" / "README.md").read_text()


def test_it_has_the_check_and_then_the_card_of_the_run(tmp_path):
    written = card(tmp_path, CONTENT, f"{CARD_MARK}\n# Model card of run\n\n## Data\n\nrows\n")
    assert written.startswith(f"{CARD_MARK}\n# A folder of transformers, exported by slanted\n")
    for line in (
        "Its predictions for 1,500 test rows were compared with those of the model itself:",
        "| accuracy | 0.9610 | 0.9660 |",
        "| rows with the same labels | 1,498 | 1,500 |",
        "| largest difference of a probability | 0.012 | |",
    ):
        assert f"\n{line}\n" in written
    assert written.endswith("\n## Model card of run\n\n### Data\n\nrows\n") and written.count(CARD_MARK) == 1


def test_an_unchecked_export_says_so(tmp_path):
    written = card(tmp_path, {**CONTENT, "check": None})
    assert written.endswith("The export was not checked against the model (`--unchecked`).\n")


def test_a_page_of_the_user_is_not_copied(tmp_path):
    assert "mine" not in card(tmp_path, CONTENT, "# mine\n")


def test_numbers_have_no_labels(tmp_path):
    scores = {"export": {"spearman": 0.5}, "model": {"spearman": 0.5}}
    checked = {"rows": 2, "part": "valid", "largest_difference": 0.0, "scores": scores}
    written = card(tmp_path, {"task": "regression", "precision": "float32", "check": checked})
    assert "| Spearman | 0.5000 | 0.5000 |\n| largest difference of a number | 0 | |\n" in written
