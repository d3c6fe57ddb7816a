"""Labels in lists: of JSON and Parquet, or written in a cell; and lists of 0 and 1."""

import json

import pyarrow
import pytest
from pyarrow import parquet
from row_files import labelled, read_rows, refusal, write

import slanted
from slanted.errors import InputError
from slanted.text.labels.label_table import as_label_columns
from slanted.text.labels.targets import infer_target
from slanted.text.rows.label_lists import LIST_SEPARATOR, are_lists, is_bracketed, items_of, positions_of, written_list
from slanted.text.rows.rows import read_rows_like

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

FLAGS = [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]


def json_lines(labels):
    return write("".join(json.dumps({"text": "a", "label": cell}) + "\n" for cell in labels), "f.jsonl")


def in_parquet(labels, kind=None):
    column = pyarrow.array(labels, kind)
    parquet.write_table(pyarrow.table({"text": ["a"] * len(labels), "label": column}), "f.parquet")
    return "f.parquet"


WRITTEN = {
    "JSON Lines": lambda: json_lines(FLAGS),
    "true and false": lambda: json_lines([[bool(flag) for flag in flags] for flags in FLAGS]),
    "strings of JSON": lambda: json_lines([json.dumps(flags) for flags in FLAGS]),
    "Parquet": lambda: in_parquet(FLAGS),
    "Parquet of booleans": lambda: in_parquet([[bool(flag) for flag in flags] for flags in FLAGS]),
    "Parquet of floats": lambda: in_parquet([[float(flag) for flag in flags] for flags in FLAGS]),
    "Parquet of one length": lambda: in_parquet(FLAGS, pyarrow.list_(pyarrow.int8(), 4)),
    **{
        form: lambda form=form: cells(form)
        for form in ("[1, 0, 0, 1]", "[1,0,0,1]", "[1 0 0 1]", "[1. 0. 0. 1.]", "(1, 0, 0, 1)", "1,0,0,1", "1 0 0 1")
    },
    "array([1, 0, 0, 1])": lambda: cells("array([1, 0, 0, 1])"),
    "[True, False, False, True]": lambda: cells("[True, False, False, True]"),
}


def cells(form):
    """Write the rows as CSV, in the form of the first."""
    on, off = ("True", "False") if "True" in form else ("1", "0")
    rows = []
    for flags in FLAGS:
        values = iter(on if flag else off for flag in flags)
        pattern = form.replace("True", "1").replace("False", "0")
        rows.append("".join(next(values) if mark in "01" else mark for mark in pattern))
    return write("text,label\n" + "".join(f'a,"{row}"\n' for row in rows))


@pytest.mark.parametrize("made", WRITTEN.values(), ids=WRITTEN)
def test_lists_of_0_and_1_are_several_labels_named_by_position(made):
    rows = read_rows(made())
    target = infer_target(rows)
    assert (target.kind, target.labels) == ("multilabel", ("0", "1", "2", "3"))
    assert target.reason.endswith("column 'label' holds lists of 4 numbers 0 or 1, a label each")
    assert target.encode(rows).tolist() == FLAGS
    later = read_rows_like(made(), rows.columns)
    assert target.encode(later).tolist() == FLAGS


def test_a_separator_between_0_and_1_makes_no_classes_0_and_1():
    rows = labelled("1;0;1", "0;0;1", label_separator=";")
    assert infer_target(rows).labels == ("0", "1", "2")


NAMES = [
    (["x;y"], None),
    (["['x', 'y']", "[]", '["y"]'], [[1, 1], [0, 0], [0, 1]]),
    (["['x' 'y']", "['y']"], [[1, 1], [0, 1]]),
    (["{'y', 'x'}", "set()"], [[1, 1], [0, 0]]),
    (["[x, y]", "[y]"], [[1, 1], [0, 1]]),
]


@pytest.mark.parametrize(("labels", "encoded"), NAMES)
def test_written_lists_of_names_are_several_labels(labels, encoded):
    if encoded is None:
        assert infer_target(labelled(*labels, "z")).kind == "single"
        return
    rows = read_rows(json_lines(labels))
    target = infer_target(rows)
    assert (target.kind, target.labels) == ("multilabel", ("x", "y"))
    assert target.encode(rows).tolist() == encoded


def test_indices_of_labels_are_labels():
    rows = read_rows(json_lines([[3, 17], [17], []]))
    assert infer_target(rows).labels == ("3", "17")


def test_lists_of_one_label_each_are_classes():
    rows = read_rows(json_lines([["x"], ["y"], ["x"]]))
    target = infer_target(rows)
    assert (target.kind, target.labels, target.encode(rows).tolist()) == ("single", ("x", "y"), [0, 1, 0])
    assert target.reason == "f.jsonl: column 'label' holds lists of one label"
    assert infer_target(rows, "multilabel").kind == "multilabel"
    assert infer_target(read_rows(json_lines([["x"], []]))).kind == "multilabel"


COLUMN = "write a column of numbers for each label or target"
REFUSED = [
    ([[1, 0, 1], [1, 0]], "holds ['1', '0', '1'], which is a list with a repeated number, which is no set of "),
    ([[0.2, 0.8]], f"holds ['0.2', '0.8'], which is a list with fractional numbers, which are no labels; {COLUMN}"),
    (['{"x": 1}', '{"x": 0}'], "holds '{\"x\": 1}', which is no list of labels as its other cells are; write lists "),
    (["[[1, 0], [0, 1]]"], "holds '[[1, 0], [0, 1]]', which is no list of labels as its other cells are; write lists "),
    (
        [[1, 0], [0, 1]] * 60 + [[1, 0, 1]],
        "holds ['1', '0', '1'], which is no list of 2 numbers 0 or 1, as in the first",
    ),
    ([[1, 0], [0, 1]] * 60 + [[1, 2]], "holds ['1', '2'], which is no list of 2 numbers 0 or 1, as in the first rows"),
    (
        ["x"] * 120 + ["['x', 'y']"],
        "holds a list, but was taken for one of single labels, as no list is among its first",
    ),
]


@pytest.mark.parametrize(("labels", "problem"), REFUSED)
def test_other_lists_are_refused(labels, problem):
    message = refusal(read_rows, json_lines(labels), bad_rows=None)
    assert message.startswith("f.jsonl, line ") and f": column 'label' {problem}" in message


def test_names_in_brackets_stay_names():
    assert infer_target(labelled("[ham]", "[spam]")).labels == ("[ham]", "[spam]")
    assert not are_lists(["(live)", "(recorded)"]) and are_lists(["", "[1]"])
    assert items_of("[world news, sport]") == ("world news", "sport")


def test_positions_need_two_numbers_and_one_length():
    assert positions_of(["[1, 0]", ""]) == ("0", "1")
    assert positions_of(["[1]", "[0]"]) == positions_of(["[1, 2]"]) == positions_of(["[1, 0]", "[1]"]) == ()


def test_a_list_of_strings_that_are_lists_is_refused_in_python():
    message = refusal(as_label_columns, ["[1, 0]", "[0, 1]"])
    assert message.startswith("labels[0] is '[1, 0]', a list that is written as text; make lists of them")
    with pytest.raises(InputError, match="a list that is written as text"):
        slanted.TextClassifier().fit(["a", "b"], ["[1, 0]", "[0, 1]"])
    assert LIST_SEPARATOR not in message


@pytest.mark.parametrize("labels", [["1,0", "0,0", "1,0"], ["0,5", "1,0"], ["2", "-1,25"]])
def test_decimal_commas_are_refused_as_they_may_be_lists(labels):
    assert refusal(labelled, *labels) == (
        "f.csv: column 'label' holds numbers with a comma within, such as 1,0; write a decimal 1.0, several labels "
        "[1, 0] or with --label-separator ','"
    )
    assert infer_target(labelled("1,0", "0,0", "1,1", label_separator=",")).labels == ("0", "1")


@pytest.mark.parametrize("label", ["(2) sport (live)", "1|0", "[:]", "(sport, live)"])
def test_a_class_that_looks_like_a_list_is_one_below_other_classes(label):
    rows = labelled(*["x"] * 120, label)
    assert (rows.labels[0][-1], rows.columns.label_separator) == (label, None)


def test_classes_of_words_in_round_brackets_stay_classes():
    assert not are_lists(["(sport, live)", "(2) news (old)"])
    assert are_lists(["(1, 0)"]) and are_lists(["('a', 'b')"]) and are_lists(["()", "('a',)"])


LONG = [  # minutes or hours each, if the time grew with the square of the length
    "list(" + ",dtype=" * 10**5,
    "list(" + ",dtype=" * 10**5 + ")x)",
    "list(" * 10**5 + ")" * 10**5,
    "[" + " " * 10**6 + "{]",
    "[" + "a " * 10**5 + "{]",
    "['" + "\\'" * 10**4 + "]",
]


@pytest.mark.parametrize("cell", LONG, ids=range(len(LONG)))
def test_a_cell_is_searched_in_time_that_grows_with_its_length(cell):
    assert written_list(cell) is None and is_bracketed(cell) == (cell[-1] in ")]")


def test_calls_around_a_list_and_their_data_type_are_left_out():
    assert written_list("array(list([1, 0]), dtype=int8)") == written_list("np.array([1, 0] , dtype=<f4)") == ("1", "0")
