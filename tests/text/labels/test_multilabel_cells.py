"""Any number of labels in a cell: split at a separator, named in order, encoded as 0 and 1."""

from pathlib import Path

import pytest
from row_files import read_rows, refusal

from slanted.text.labels.targets import Target, infer_target
from slanted.text.rows.columns import Columns
from slanted.text.rows.rows import read_rows_like
from slanted.text.runs.run_data import DataFiles, read_data
from slanted.text.settings import Settings

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]


def rows_of(*cells, separator=";", name="f.csv", header="text,label", **options):
    Path(name).write_text("\n".join([header, *(f't,"{cell}"' for cell in cells), ""]), encoding="utf-8")
    return read_rows(name, label_separator=separator, **options)


SEPARATED = [
    (["b;a", "a", "c;a"], ";", ("a", "b", "c"), [[1, 1, 0], [1, 0, 0], [1, 0, 1]]),
    ([" b ; a ", "", " ;a;;a"], ";", ("a", "b"), [[1, 1], [0, 0], [1, 0]]),
    (["10 9", "9"], " ", ("9", "10"), [[1, 1], [1, 0]]),
    (["a || b|c", "a"], "||", ("a", "b|c"), [[1, 1], [1, 0]]),
    (["x", ""], ",", ("x",), [[1], [0]]),
    (["a;b", "1"], ",", ("1", "a;b"), [[0, 1], [1, 0]]),
    (["👍;<b>", "👍"], ";", ("<b>", "👍"), [[1, 1], [0, 1]]),
]


@pytest.mark.parametrize(("cells", "separator", "labels", "values"), SEPARATED)
def test_cells_are_split_into_labels(cells, separator, labels, values):
    rows = rows_of(*cells, separator=separator)
    assert rows.labels == [cells]
    assert rows.columns == Columns("text", None, ("label",), separator)
    target = infer_target(rows)
    assert target == Target("multilabel", labels)
    array = target.encode(rows)
    assert array.dtype == "float32" and array.tolist() == values


def test_the_reason_is_told_and_the_task_may_be_said():
    rows = rows_of("a;b", "a")
    assert infer_target(rows).reason == "f.csv: column 'label' holds labels with ';' between them"
    assert infer_target(rows, "multilabel") == Target("multilabel", ("a", "b"))
    for task in ("single", "regression"):
        assert refusal(infer_target, rows, task) == (
            "f.csv: column 'label' holds labels with ';' between them, which makes several labels a row; "
            f"leave --task {task} out, or give a column of one value a row"
        )


def test_later_files_are_split_alike():
    rows = rows_of("a;b", "a")
    target = infer_target(rows)
    Path("test.csv").write_text("text,label\nt, b\nt,\n")
    assert target.encode(read_rows_like("test.csv", rows.columns)).tolist() == [[0, 1], [0, 0]]
    Path("test.csv").write_text("text,label\nt,b\nt,b;c\n")
    assert refusal(target.encode, read_rows_like("test.csv", rows.columns)) == (
        "test.csv, line 3: column 'label' has the label 'c', which the training data lacks; it has 'a', 'b'; "
        "correct it, or add rows of it to the training data"
    )
    Path("plain.csv").write_text("text\nt\n")
    assert read_rows_like("plain.csv", rows.columns, labelled=False).labels is None


def test_wrong_separators_and_labels_are_refused():
    assert refusal(rows_of, "a", "b", separator="") == (
        "--label-separator is empty; give what stands between two labels, such as ';'"
    )
    Path("bits.csv").write_text("text,a,b\nt,0,1\nt,1,0\n")
    assert refusal(read_rows, "bits.csv", label_separator=";") == (
        "bits.csv: --label-separator takes one label column, not 2: 'a', 'b'; "
        "name one with --label, or leave the separator out"
    )
    assert refusal(infer_target, rows_of("a;b", "b;A")) == (
        "f.csv: labels 'A' (line 3) and 'a' (line 2) differ only in case or spaces; spell them alike, or rename one"
    )
    assert refusal(infer_target, rows_of("", " ; ")) == (
        "f.csv: no row has a label in column 'label'; add rows with labels"
    )
    assert refusal(infer_target, rows_of("a;b", "b;a")) == (
        "f.csv: every row has the same labels, which leaves nothing to learn; add other rows"
    )


def test_a_run_splits_and_encodes_them():
    cells = [";".join("abc"[: 1 + at % 3]) for at in range(30)]
    rows_of(*cells)
    data = read_data(DataFiles("f.csv", label_separator=";"), Settings())
    assert data.target.names == ("a", "b", "c")
    assert data.columns.label_separator == ";"
    assert (data.train.y.shape, data.valid.y.shape) == ((27, 3), (3, 3))
    assert "3 labels: 'a', 'b', 'c'" in data.summary[1]
