"""Weights of training examples: read from a column or from Python, refused by row and value, taken with the rows."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from row_files import read_rows, refusal, rows_of, write

from slanted.text.formats.skipped_rows import BadRows
from slanted.text.labels.example_weights import as_weights, described, weighed, weights_of_rows
from slanted.text.labels.examples import Examples
from slanted.text.labels.splits import split_validation
from slanted.text.labels.targets import infer_target
from slanted.text.runs.run_data import DataFiles, read_data
from slanted.text.settings import Settings

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

HEADER = "text,label,w"
RULE = "but a weight is a finite number >= 0; correct it"


def rows_with(*cells, **options):
    return rows_of(*(f"t,{'xy'[at % 2]},{cell}" for at, cell in enumerate(cells)), header=HEADER, weight="w", **options)


def test_a_column_of_weights_is_read_as_numbers():
    rows = rows_with("1", "0", " 2.5", "1e-3")
    assert rows.weights.tolist() == [1.0, 0.0, 2.5, 1e-3]
    weights = weights_of_rows(rows)
    assert weights.dtype == np.float32 and weights.tolist() == np.float32([1, 0, 2.5, 1e-3]).tolist()
    assert (
        described(weights, "w")
        == "weights: column 'w', from 0 to 2.5, mean 0.87525; 1 of 4 training rows have weight 0"
    )
    assert described(np.float32([1, 2]), "w") == "weights: column 'w', from 1 to 2, mean 1.5"
    assert weights_of_rows(rows_of("t,x", "t,y")) is None
    assert weights_of_rows(rows.take([3, 1])).tolist() == np.float32([1e-3, 0]).tolist()


@pytest.mark.parametrize("cell", ["-1", "nan", "much", "inf", "1e999", "1_0"])
def test_no_weight_is_refused_by_its_line_and_value(cell):
    for skipped in (None, BadRows("skip")):
        message = refusal(rows_with, "1", "2", cell, bad_rows=skipped)
        assert message == f"f.csv, line 4: --weight: column 'w' holds '{cell}', {RULE}"


def test_a_row_without_a_weight_is_a_bad_row():
    assert refusal(rows_with, "1", "", "2") == "f.csv, line 3: column 'w' is empty; fill it in or remove the row"
    assert rows_with("1", "", "2", bad_rows=BadRows("skip")).weights.tolist() == [1.0, 2.0]
    write('{"text": "a", "label": "x", "w": 1}\n{"text": "b", "label": "y"}\n', "f.jsonl")
    assert refusal(read_rows, "f.jsonl", weight="w").startswith("f.jsonl, line 2: key 'w' is missing")


def test_weights_that_leave_nothing_to_learn_or_are_too_large_are_refused():
    for cells in (("0", "0"), ("1e-60", "0")):  # which float32 does not have
        message = refusal(weights_of_rows, rows_with(*cells))
        rule = "f.csv: --weight: column 'w' is 0 in every training row, which leaves nothing to learn"
        assert message == f"{rule}; give some rows a weight above 0"
    message = refusal(weights_of_rows, rows_with("1", "1e39"))
    assert message.startswith("f.csv, line 3: --weight: column 'w' holds 1e+39, which is beyond 3.4e+38")


def test_a_column_of_weights_is_no_text_and_no_label():
    write("body,toxic,w\na,0,1\nb,1,0\n")
    rows = read_rows("f.csv", weight="w")
    assert (rows.columns.text, rows.columns.labels, rows.columns.weight) == ("body", ("toxic",), "w")
    assert refusal(read_rows, "f.csv", weight="toxic", label=["toxic"]).startswith(
        "f.csv: column 'toxic' is used twice"
    )
    assert refusal(read_rows, "f.csv", weight="v").startswith("f.csv: --weight 'v' names no column")


def test_rows_for_other_parts_of_a_run_need_no_weight():
    parts = ["train"] * 8 + ["valid", "test"]
    lines = [f"t{at},{'xy'[at % 2]},{part},{at % 3 if at < 8 else ''}" for at, part in enumerate(parts)]
    Path("f.csv").write_text("\n".join(["text,label,part,w", *lines]))
    data = read_data(DataFiles("f.csv", split="part", weight="w"), Settings())
    assert data.train.weights.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert data.valid.weights is None is data.test.weights
    assert data.summary[2] == "weights: column 'w', from 0 to 2, mean 0.875; 3 of 8 training rows have weight 0"
    Path("f.csv").write_text("\n".join(["text,label,part,w", *lines, "t,x,train,"]))
    message = refusal(read_data, DataFiles("f.csv", split="part", weight="w"), Settings())
    assert message == "f.csv, line 12: --weight: column 'w' is empty, but a training row needs a weight; fill it in"


def test_each_fold_and_the_rows_beside_the_validation_rows_have_their_own_weights():
    rows_with(*range(1, 41))
    files = DataFiles("f.csv", weight="w")
    data = read_data(files, Settings(folds=4))
    for fold in data.folds:
        part = data.of_fold(fold)
        assert part.train.weights.tolist() == (fold.train + 1).tolist() and len(part.train) == 27
    data = read_data(files, Settings())
    assert (data.train.weights == data.train.locations.lines - 1).all() and len(data.train) == 36


def test_validation_rows_that_have_all_the_weight_are_refused():
    rows = rows_with(*(["1"] + ["0"] * 19))
    target = infer_target(rows)
    train = replace(Examples.of(rows, target), weights=weights_of_rows(rows))
    messages = set()
    for seed in range(40):
        rest, valid = split_validation(target, replace(train, weights=None), 0.1, seed)
        if 0 in valid:
            messages.add(refusal(split_validation, target, train, 0.1, seed))
        else:
            assert split_validation(target, train, 0.1, seed)[0].tolist() == rest.tolist()
    rule = "all rows to train on, beside 2 rows for validation, have weight 0"
    assert messages == {f"{rule}; give more rows a weight above 0, or give --valid-share 0"}


@pytest.mark.parametrize(
    "given",
    [
        [1, 0, 2.5],
        (1, 0, 2.5),
        np.float32([1, 0, 2.5]),
        pd.Series([1, 0, 2.5], index=[5, 6, 7]),
        pl.Series([1.0, 0.0, 2.5]),
    ],
)
def test_weights_of_python(given):
    weights = as_weights(given, 3)
    assert weights.dtype == np.float32 and weights.tolist() == [1.0, 0.0, 2.5]


def test_what_is_no_weight_in_python_is_refused():
    assert as_weights(None, 3) is None
    assert as_weights([True, False], 2).tolist() == [1.0, 0.0]
    for value, shown in ((-1.0, "-1.0"), (math.nan, "nan"), ("1", "'1'"), (None, "None"), (1e39, "1e+39")):
        assert refusal(as_weights, [1, value], 2) == f"sample_weight[1] is {shown}, {RULE}"
    for given, shape in (([1, 2], (2,)), ([[1], [2], [3]], (3, 1)), (1.0, ()), ([[1], [2, 3], [1]], (3,))):
        message = refusal(as_weights, given, 3)
        if shape == (3,):
            assert message == f"sample_weight[0] is [1], {RULE}"
        else:
            rule = "sample_weight must have the shape (3,), a weight for each text"
            assert message == f"{rule}, not {shape}; give one number for each text"
    message = refusal(as_weights, [0, 0.0], 2)
    assert message.startswith("sample_weight is zero for every text, which leaves nothing to learn; give some texts")


def test_weights_that_leave_one_class_are_refused():
    rows = rows_with("1", "0", "1", "0")
    target = infer_target(rows)
    examples = Examples.of(rows, target)
    message = refusal(weighed, target, examples, weights_of_rows(rows))
    rule = "every row with a weight above 0 has the label 'x', but there must be two classes"
    assert message == f"{rule}; give rows of other classes a weight above 0"
    assert weighed(target, examples, None).weights is None
    assert weighed(target, examples, np.float32([1, 1, 0, 0])).weights.tolist() == [1, 1, 0, 0]


def test_the_examples_that_count_have_weights_of_the_mean_1():
    examples = Examples(["a", "b", "c"], None, np.array([0, 1, 1]), weights=np.float32([0, 1, 3]))
    counting = examples.that_count()
    assert (counting.texts, counting.y.tolist(), counting.weights.tolist()) == (["b", "c"], [1, 1], [0.5, 1.5])
    plain = replace(examples, weights=None)
    assert plain.that_count() is plain
