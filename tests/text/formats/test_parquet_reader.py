"""Parquet as records: values as cells, and files that are cut short, damaged or too large."""

import datetime
import json
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet
from row_files import read_rows

from slanted.errors import InputError
from slanted.text.formats import parquet_reader as ours
from slanted.text.labels.targets import infer_target
from slanted.text.rows.columns import Columns
from slanted.text.rows.rows import read_rows_like

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

AGAIN = "copy or download the file again"
CELL = "not a string or a number; write it as one or remove the row"


def write(columns, name="f.parquet", **options):
    parquet.write_table(pyarrow.table(columns), name, **options)
    return name


def refusal(name="f.parquet", **options):
    with pytest.raises(InputError) as caught:
        read_rows(name, **options)
    message = str(caught.value)
    assert message.isprintable()
    return message


@pytest.mark.parametrize("name", ["f.parquet", "f.pq", "f"])
@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_texts_come_back_unchanged(kind, name):
    texts = ["a", " 👍🏽 ", "שלום\u200b", "b\r\nc\x01", "word " * 10**5]
    column = pyarrow.array(texts)
    column = column.dictionary_encode() if kind == "dictionary" else column.cast(getattr(pyarrow, kind)())
    rows = read_rows(write({"text": column, "label": ["x", "y"] * 2 + ["x"]}, name))
    assert (rows.texts, rows.labels) == (texts, [["x", "y", "x", "y", "x"]])
    assert rows.lines.tolist() == [1, 2, 3, 4, 5]
    assert rows.columns == Columns("text", None, ("label",))


def test_values_become_cells():
    values = {
        "i": [7], "f": [1.5], "small": pyarrow.array([0.1], pyarrow.float32()), "t": [True], "f2": [False],
        "d": [Decimal("1.50")], "day": [datetime.date(2020, 1, 2)], "nan": [float("nan")], "un.usual": ["x"],
    }  # fmt: skip
    rows = read_rows(write({"text": ["a"], **values}), label=list(values))
    assert rows.labels == [["7"], ["1.5"], ["0.1"], ["1"], ["0"], ["1.50"], ["2020-01-02"], ["nan"], ["x"]]


@pytest.mark.parametrize("most", [1, 3, 2**10])
def test_batches_and_row_groups_join_in_order(most, monkeypatch):
    monkeypatch.setattr(ours, "_MOST_ROWS", most)
    texts = [f"text {at}" for at in range(1000)]
    rows = read_rows(write({"vector": [[1.0, 2.0]] * 1000, "label": ["x"] * 1000, "text": texts}, row_group_size=300))
    assert (rows.texts, rows.lines.tolist()) == (texts, list(range(1, 1001)))


def test_lists_of_labels_make_several_labels():
    rows = read_rows(write({"text": ["a", "b", "c"], "label": [["x", "y"], [], ["y"]]}))
    target = infer_target(rows)
    assert (target.kind, target.labels) == ("multilabel", ("x", "y"))
    assert target.encode(rows).tolist() == [[1, 1], [0, 0], [0, 1]]
    numbers = read_rows(write({"text": ["a", "b"], "label": [[10, 9], [9]]}))
    assert infer_target(numbers).labels == ("9", "10")


def test_a_later_file_of_another_format():
    rows = read_rows(write({"text": ["a", "b"], "label": [1, 2]}))
    Path("test.csv").write_text("label,text\n2,c\n")
    assert infer_target(rows).encode(read_rows_like("test.csv", rows.columns)).tolist() == [1]


GOOD = {"text": ["a", "b", "c"], "label": ["x", "y", "x"]}
REFUSED = [
    ("null text", {"text": ["a", None]}, "f.parquet, row 2: column 'text' is empty; fill it in or remove the row"),
    ("null label", {"label": ["x", None]}, "f.parquet, row 2: column 'label' is empty; fill it in or remove the row"),
    ("bytes", {"text": [b"a", b"b"]}, f"f.parquet, row 1: column 'text' holds values of the type binary, {CELL}"),
    (
        "an object",
        {"label": [{"x": 1}, {"x": 2}]},
        f"f.parquet, row 1: column 'label' holds values of the type struct<x: int64>, {CELL}",
    ),
    ("a list as text", {"text": [["a"], ["b"]]}, f"f.parquet, row 1: column 'text' holds a list, {CELL}"),
    (
        "a null in a list",
        {"label": [["a"], ["b", None]]},
        f"f.parquet, row 2: column 'label' holds a list with a null, {CELL}",
    ),
    (
        "no label column",
        {"label": None, "kind": ["x", "y"]},
        "f.parquet: no column 'label', and column 'kind' holds 'x' on row 1, not 0 or 1; "
        "name the label column with --label; the columns are 'text', 'kind'",
    ),
]


@pytest.mark.parametrize(("columns", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_with_a_message_of_its_own(columns, message):
    columns = {"text": ["a", "b"], "label": ["x", "y"], **columns}
    write({name: values for name, values in columns.items() if values is not None})
    assert refusal() == message


def test_no_rows_and_columns_of_one_name():
    write({"text": pyarrow.array([], pyarrow.string()), "label": pyarrow.array([], pyarrow.string())})
    assert refusal() == "f.parquet: no rows below the header 'text', 'label'; add some"
    table = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 2, names=["text", "text"])
    parquet.write_table(table, "f.parquet")
    assert refusal() == "f.parquet: several columns are of one name; rename all but one"


@pytest.mark.parametrize("kept", [5, 11, 100, 0.5, -1])
def test_a_file_cut_short_is_refused(kept):
    write({"text": [f"text {at}" for at in range(1000)], "label": ["x"] * 1000})
    whole = Path("f.parquet").read_bytes()
    Path("f.parquet").write_bytes(whole[: int(len(whole) * kept) if isinstance(kept, float) else kept])
    assert refusal() == f"f.parquet: this Parquet file is cut short; {AGAIN}"


def test_an_empty_file_and_another_format_of_that_name_are_refused():
    finished = "give a file that a Parquet writer has finished"
    Path("f.parquet").write_bytes(b"")
    assert refusal() == f"f.parquet is empty; {finished}"
    Path("f.parquet").write_text("text,label\na,x\n")
    assert refusal() == f"f.parquet is named as Parquet, but does not begin as such a file does; {finished}"


@pytest.mark.parametrize("compression", ["snappy", "zstd"])
def test_a_damaged_file_is_refused(compression):
    write(
        {"text": [f"text {at * 7919 % 10007}" for at in range(10000)], "label": ["x"] * 10000}, compression=compression
    )
    whole = bytearray(Path("f.parquet").read_bytes())
    damaged = whole.copy()
    damaged[1000:3000] = bytes(2000)
    Path("f.parquet").write_bytes(damaged)
    message = refusal()
    assert message.startswith("f.parquet: its Parquet data is damaged (") and message.endswith(f"); {AGAIN}")
    whole[-200:-8] = bytes(192)
    Path("f.parquet").write_bytes(whole)
    message = refusal()
    assert message.startswith("f.parquet: its Parquet footer is damaged (") and message.endswith(f"); {AGAIN}")


def test_bytes_that_are_not_utf8_are_refused():
    binary = pyarrow.array([b"a", b"caf\xe9"])
    unchecked = pyarrow.Array.from_buffers(pyarrow.string(), 2, binary.buffers())
    write({"text": unchecked, "label": ["x", "y"]})
    assert refusal() == (
        "f.parquet, row 2: column 'text' holds bytes that are not UTF-8; write the file anew with its texts as UTF-8"
    )


def test_many_columns_are_read():
    write({"text": ["a"], "label": ["x"], **{f"c{at}": [1] for at in range(20_000)}})
    assert read_rows("f.parquet").texts == ["a"]


@pytest.mark.parametrize("kind", ["string", "list"])
def test_long_strings_that_a_dictionary_repeats_are_read_in_small_batches(kind, monkeypatch):
    sizes = []

    class Measured(ours.Parquet):
        def _cells(self, batch, field, row):
            sizes.append(batch.get_total_buffer_size())
            return super()._cells(batch, field, row)

    monkeypatch.setattr(ours, "Parquet", Measured)
    values = ["a" * 2**18, "b" * 2**18]
    texts = values if kind == "string" else [values[:1], values[1:]]
    write({"text": texts * 500, "label": ["x", "y"] * 500}, dictionary_pagesize_limit=2**24, compression="zstd")
    assert Path("f.parquet").stat().st_size < 2**12
    with ours.open_parquet("f.parquet", "f.parquet") as opened:
        assert sum(1 for _ in opened.records(["text", "label"])) == 1000
    assert 0 < max(sizes) < 2**26


def test_parquet_without_pyarrow_names_the_extra(monkeypatch):
    write(GOOD)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    message = 'Reading Parquet files needs the extra `text`, which is not installed: pip install "slanted[text]"'
    assert refusal() == message


def test_the_names_of_classes_are_those_of_the_metadata_that_datasets_writes():
    def label(**more):
        return {"names": ["ham", "spam"], "_type": "ClassLabel", **more}

    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": label(),
        "tags": {"feature": label(), "_type": "List"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pyarrow.table({"text": ["a", "b"], "label": [1, 0], "tags": [[0, 1], []]}).replace_schema_metadata(metadata)
    parquet.write_table(table, "f.parquet")
    assert read_rows("f.parquet").labels == [["spam", "ham"]]
    assert infer_target(read_rows("f.parquet", label=["tags"])).labels == ("ham", "spam")
    names = [f"n{index}" for index in range(3)]
    flags = {"label": {"feature": label(names=names), "_type": "Sequence"}}
    flags = {"huggingface": json.dumps({"info": {"features": flags}})}
    several = pyarrow.table({"text": ["a", "b"], "label": [[0, 1, 1], [0, 0, 1]]})
    parquet.write_table(several.replace_schema_metadata(flags), "f.parquet")
    assert infer_target(read_rows("f.parquet")).labels == ("n1", "n2")
    unknown = pyarrow.table({"text": ["a"], "label": [-1]}).replace_schema_metadata(metadata)
    parquet.write_table(unknown, "f.parquet")
    assert refusal("f.parquet") == "f.parquet, row 1: column 'label' is empty; fill it in or remove the row"
    for damaged in ("{", "[]", '{"info": {"features": {"label": {"_type": "ClassLabel"}}}}'):
        parquet.write_table(table.replace_schema_metadata({"huggingface": damaged}), "f.parquet")
        assert read_rows("f.parquet").labels == [["1", "0"]]


TWO_CLASSES = [
    ([[1, 0], [0, 1], [1, 0]], ["ham", "spam", "ham"]),
    ([[1, 0], [0, 0], [1, 1]], ["ham", "", "ham\x1fspam"]),
    ([[0], [1, 0], []], ["ham", "spam\x1fham", ""]),
]


@pytest.mark.parametrize(("lists", "labels"), [*TWO_CLASSES, ([[0, 0], [1]], None)])
def test_lists_of_two_classes_are_flags_or_indices_as_the_column_tells(lists, labels):
    inner = {"names": ["ham", "spam"], "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"label": {"feature": inner, "_type": "List"}}}})}
    table = pyarrow.table({"text": ["a"] * len(lists), "label": lists})
    parquet.write_table(table.replace_schema_metadata(metadata), "f.parquet")
    if labels is not None:
        assert read_rows("f.parquet").labels == [labels]
        return
    assert refusal() == (
        "f.parquet: column 'label' holds lists of 0 and 1 for its 2 classes and lists of class numbers; write all of "
        "them as class numbers"
    )
