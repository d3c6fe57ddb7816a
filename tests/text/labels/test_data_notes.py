"""Notes on rows that may not be what they should be: each where it is due, and none on usual data."""

from pathlib import Path

import numpy as np
import pytest
import tiny
from row_files import refusal

from slanted import TextClassifier
from slanted.text.labels.class_labels import visible_form
from slanted.text.labels.data_notes import Hashed, notes_on_rows, notes_on_validation
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import infer_target
from slanted.text.runs.run_data import DataFiles, read_data
from slanted.text.settings import Settings

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]


def notes(rows, header="text,label", settings=Settings(), **files):  # noqa: B008 - frozen
    """Return the notes on a file of these rows."""
    Path("t.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    data = read_data(DataFiles("t.csv", **files), settings)
    assert all(note in data.summary for note in data.notes)
    return list(data.notes)


def usual(count=40, classes="xy"):
    return [f"text number {at},{classes[at % len(classes)]}" for at in range(count)]


def of_python(texts, labels, **more):
    target = infer_target(labels)
    return notes_on_rows(target, Hashed.of(Examples(texts, None, target.encode(labels))), **more)


def test_usual_rows_have_no_note():
    assert notes(usual()) == []
    assert notes(usual(), settings=Settings(folds=3)) == []
    assert notes([f"text {at},{at / 7}" for at in range(40)]) == []
    for labels in (tiny.examples(40)[1], list(range(40)), np.eye(2, dtype=int)[np.arange(40) % 2]):
        assert of_python(tiny.examples(400)[0][:40], labels, is_inferred=False)[1:] == []


def test_texts_that_stand_twice_are_counted():
    rows = [*usual(), "text  number 3,y", "text number 5 ,y", "text number 3,y"]
    first = "such as t.csv, line 5 and line 42"
    assert notes(rows) == [f"duplicates: 3 of 43 training rows repeat the text of an earlier one, {first}"]
    assert notes(rows[:41])[0].startswith("duplicates: 1 of 41 training rows repeats the text")
    assert of_python(["a", "b", "a "], ["x", "y", "x"]) == [
        "duplicates: 1 of 3 training rows repeats the text of an earlier one, such as texts[0] and texts[2]"
    ]
    pairs = [f"same,{at},{'xy'[at % 2]}" for at in range(20)]
    assert notes(pairs, "text,text_b,label") == []


def test_texts_that_stand_in_the_validation_file_too_are_counted():
    Path("v.csv").write_text("text,label\ntext number 1,y\nTEXT,x\ntext number 2,x\n")
    rule = "are among the training rows too, which makes the scores too good"
    assert notes(usual(), valid="v.csv") == [f"duplicates: the texts of 2 of 3 validation rows {rule}"]


def test_a_text_with_two_labels_is_named():
    rows = [*usual(), "text number 4,y", "text number 7,x", "text number 8,x"]
    message = (
        "labels: 2 texts have different labels in the training rows, such as 'x' and 'y': t.csv, line 6 and line 42"
    )
    assert notes(rows)[1:] == [message]
    several = [f"text {at},{at % 2},1" for at in range(20)]
    found = notes([*several, "text 4,0,0"], "text,a,b", Settings(valid_share=0.2))[1:2]
    rule = "labels: 1 text has different labels in the training rows, such as 'b' and none"
    assert found == [f"{rule}: t.csv, line 6 and line 22"]
    numbers = [f"text {at},{at / 7}" for at in range(40)]
    assert len(notes([*numbers, "text 4,0.5"])) == 1  # two ratings of one text, which is natural
    far = "labels: 1 text has different numbers in the training rows, such as 0.571429 and 5"
    assert notes([*numbers, "text 4,5.0"])[1:] == [f"{far}: t.csv, line 6 and line 42"]


def test_identifiers_taken_for_texts_are_reported():
    ids = [f"{at * 2654435761 % 2**32:08x}9,{'xy'[at % 2]}" for at in range(40)]
    found = "texts: column 'id' looks like identifiers or numbers, such as '000000009'"
    assert notes(ids, "id,label") == [f"{found}; if another column has the texts, name it with --text"]
    assert notes([f"{at},{'xy'[at % 2]}" for at in range(40)], "id,label")[0].startswith("texts: column 'id' looks")
    assert notes([f"word{'s' * at},{'xy'[at % 2]}" for at in range(40)]) == []
    assert notes([f"covid {at},{'xy'[at % 2]}" for at in range(40)]) == []
    texts = [f"user_{at}" for at in range(20)]
    rule = "texts: they look like identifiers or numbers, such as 'user_0'; give the texts themselves"
    assert of_python(texts, ["x", "y"] * 10) == [rule]


def test_rows_of_many_small_classes_are_held_out_beyond_the_share():
    rows = [f"text {at},class {at // 2}" for at in range(60)]
    found = "validation: 30 of 60 rows are held out, more than the share of 0.1, as each of 30 classes has one at least"
    assert notes(rows) == [f"{found}; give validation rows by --valid, or --valid-share 0"]
    assert notes(rows, settings=Settings(valid_share=0.0)) == []
    in_folds = notes([*rows, *rows], settings=Settings(folds=2))[-1]
    assert in_folds.startswith("validation: 30 of 60 rows are held out in the first fold, more than the share of 0.1")


def test_scores_read_as_classes_are_reported():
    rows = [f"text {at},{at % 61}" for at in range(610)]
    found = "labels: 61 whole numbers, from '0' to '60', are read as classes"
    assert notes(rows, settings=Settings(valid_share=0.2)) == [f"{found}; for scores or counts give --task regression"]
    assert notes(rows, settings=Settings(task="single", valid_share=0.2)) == []
    assert notes(rows, settings=Settings(task="regression")) == []
    assert notes([f"text {at},{at % 20}" for at in range(200)]) == []
    assert of_python([f"text {at}" for at in range(61)], list(range(61))) == [
        "labels: 61 whole numbers, from 0 to 60, are read as classes; for scores or counts use TextRegressor"
    ]


ALIKE = "look the same: they differ in their Unicode normal form or in an invisible character; if they are one label"


def test_labels_that_look_the_same_are_reported_and_explained():
    names = ("caf\u00e9", "cafe\u0301", "sport", "sport\u200b")
    rows = [f"text {at},{names[at % 4]}" for at in range(40)]
    assert notes(rows) == [
        f"labels: 'cafe\\u0301' (line 3) and 'caf\\xe9' (line 2), and 1 pair more, {ALIKE}, spell them alike"
    ]
    Path("v.csv").write_text("text,label\na,cafe\u0301\n", encoding="utf-8")
    message = refusal(notes, [f"text {at},{names[at % 2 * 2]}" for at in range(40)], valid="v.csv")
    looks = "v.csv, line 2: label 'cafe\\u0301' looks like the training data's 'caf\\xe9'"
    assert message == f"{looks}, but differs in its Unicode normal form or an invisible character; spell them alike"
    for one, other in (("a\u00adb", "ab"), ("\u2764\ufe0f", "\u2764"), ("e\u0301", "\u00c9"), ("\ufeffa", "a")):
        assert visible_form(one) == visible_form(other)
    for one, other in (("\u2160", "I"), ("\u00e9", "e"), (1, 2)):
        assert visible_form(one) != visible_form(other)


def test_labels_without_validation_rows_are_reported():
    rows = [f"text {at},{at % 2},{int(at == 7)},{int(at == 9)}" for at in range(40)]
    Path("v.csv").write_text("text,a,b,c\nx,1,0,1\ny,0,0,0\n")
    rule = "so that nothing is known of how well the model predicts"
    value = "and roc_auc and average_precision have no value; add validation rows of"
    found = f"validation: no row has the label 'b', {rule} it, {value} it"
    assert notes(rows, "text,a,b,c", valid="v.csv") == [found]
    found = f"validation: no row has one of the labels 'b', 'c', {rule} them, {value} them"
    assert notes(rows, "text,a,b,c") == [found]


def test_python_has_the_notes_on_validation_too():
    target = infer_target(["x", "y"] * 10)
    train = Examples([f"text {at}" for at in range(20)], None, target.encode(["x", "y"] * 10))
    valid = train.take(np.array([3, 4]))
    found = notes_on_validation(target, train, valid, (), None)[0]
    assert found.startswith("duplicates: the texts of 2 of 2 validation rows")
    assert notes_on_validation(target, train, valid, (), 0.1) == notes_on_validation(target, train, None, (), 0.1) == []


def test_notes_on_the_data_name_no_options(capsys, monkeypatch):
    monkeypatch.setattr(TextClassifier, "_fit_one", lambda *arguments: None)
    for verbose in (False, True):
        TextClassifier(precision="float32", verbose=verbose).fit(
            [f"id{at}" for at in range(50)] * 2, list(range(50)) * 2
        )
        shown = capsys.readouterr().out
        assert ("use TextRegressor" in shown, "give the texts themselves" in shown) == (verbose, verbose)
        assert shown.count("\n") == 3 * verbose and "--" not in shown
