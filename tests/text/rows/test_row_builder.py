"""Records as whole columns: empty and unusable cells are refused or skipped, and the rest stay in line."""

import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet
from row_files import each_of, read_rows, refusal, write

from slanted.errors import InputError
from slanted.text.formats.cells import Unusable
from slanted.text.formats.open_table import Table
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.rows.columns import Columns
from slanted.text.rows.row_builder import RowBuilder

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

REFUSED = [
    ("empty text", b"text,label\n,x\n", {}, "f.csv, line 2: column 'text' is empty; fill it in or remove the row"),
    (
        "quoted empty text",
        b'text,label\n"",x\n',
        {},
        "f.csv, line 2: column 'text' is empty; fill it in or remove the row",
    ),
    (
        "blank text",
        "text,label\na,x\n\u00a0\t\u3000,x\n",
        {},
        "f.csv, line 3: column 'text' is empty; fill it in or remove the row",
    ),
    (
        "empty label",
        b'text,label\n"a\nb",x\nc,\n',
        {},
        "f.csv, line 4: column 'label' is empty; fill it in or remove the row",
    ),
    (
        "blank label",
        b"text,label\na,x\nb,x\nc, \n",
        {},
        "f.csv, line 4: column 'label' is empty; fill it in or remove the row",
    ),
    (
        "empty second text",
        b"text,text_b,label\na,,x\n",
        {},
        "f.csv, line 2: column 'text_b' is empty; fill it in or remove the row",
    ),
    (
        "empty label deep in the file",
        b"text,label\n" + b"a,x\n" * 500 + b"a,\n",
        {},
        "f.csv, line 502: column 'label' is empty; fill it in or remove the row",
    ),
]


@each_of(REFUSED)
def test_refused_with_a_message_of_its_own(content, options, message):
    assert refusal(read_rows, write(content), **options) == message


@pytest.mark.parametrize("first", ['"x"', "null"])
def test_labels_that_turn_into_lists_are_never_skipped(first):
    lines = [f'{{"text": "t{at}", "label": {first if at < 110 else ["x", "y"]}}}' for at in range(200)]
    Path("f.jsonl").write_text("\n".join(lines).replace("'", '"'))
    with pytest.raises(InputError) as caught:
        read_rows("f.jsonl", bad_rows=BadRows("skip"))
    found = "f.jsonl, line 111: column 'label' holds a list, but was taken for one of single labels"
    assert str(caught.value).startswith(f"{found}, as no list is among its first rows; make every cell a list, ")


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [("text", "x", ("b\0", "y")), ("label", "x", ("b", "y\0")), ("label", ["x"], ("b", ["y", "\0"]))],
)
def test_a_nul_is_never_skipped(column, good, bad):
    rows = [{"text": text, "label": label} for text, label in (("a", good), ("a", good), bad)]
    Path("f.jsonl").write_text("\n".join(map(json.dumps, rows)))
    parquet.write_table(pyarrow.Table.from_pylist(rows), "f.parquet")
    for place in ("f.jsonl, line 3", "f.parquet, row 3"):
        with pytest.raises(InputError) as caught:
            read_rows(place.split(",")[0], bad_rows=BadRows("skip"))
        assert str(caught.value) == f"{place}: a NUL character stands here, in column {column!r}; remove it"


def table(records, names=("text", "text_b", "label"), source="f.csv"):
    def ordered(wanted):
        positions = [names.index(name) for name in wanted]
        return ((line, [cells[at] for at in positions]) for line, cells in records)

    return Table(source, "line", names, lambda: records, ordered)


def test_columns_of_files_in_another_order_are_joined_with_their_places():
    builder = RowBuilder(Columns("text", "text_b", ("label",)), BadRows())
    builder.add(table([(2, ["a", "b", "x"])]))
    builder.add(table([(5, ["y", "c", "d"])], ("label", "text", "text_b"), "g.csv"))
    texts, texts_b, labels, locations = builder.columns_and_locations()
    assert (texts, texts_b, labels) == (["a", "c"], ["b", "d"], [["x", "y"]])
    assert [locations[row] for row in range(2)] == ["f.csv, line 2", "g.csv, line 5"]


def test_a_skipped_row_leaves_no_cell_in_any_column():
    bad = BadRows("skip")
    builder = RowBuilder(Columns("text", "text_b", ("label",)), bad)
    builder.add(table([(2, ["a", "b", ""]), (3, ["c", " ", "x"]), (4, ["d", "e", "y"])]))
    texts, texts_b, labels, locations = builder.columns_and_locations()
    assert (texts, texts_b, labels, locations.lines.tolist()) == (["d"], ["e"], [["y"]], [4])
    assert (bad.count, bad.latest.split(";")[0]) == (2, "f.csv, line 3: column 'text_b' is empty")


def test_labels_may_be_missing_and_equal_ones_are_kept_once():
    without = RowBuilder(Columns("text"), BadRows())
    without.add(table([(2, ["a", "", ""])]))
    assert without.columns_and_locations()[1:3] == (None, None)
    builder = RowBuilder(Columns("text", None, ("label",)), BadRows())
    builder.add(table([(at, ["a", "b", "".join(["sp", "am"])]) for at in range(2, 5)]))
    (labels,) = builder.columns_and_locations()[2]
    assert labels == ["spam"] * 3 and len({id(label) for label in labels}) == 1


def test_lists_become_cells_with_the_separator_and_may_be_empty():
    builder = RowBuilder(Columns("text", None, ("label",), ";"), BadRows())
    cells = [Unusable("a list", ("x", "y")), Unusable("a list", ()), "y", Unusable("a list", ("x", "y"))]
    builder.add(table([(line, ["a", "", cell]) for line, cell in enumerate(cells, start=1)]))
    assert builder.columns_and_locations()[2] == [["x;y", "", "y", "x;y"]]


def test_a_joined_text_that_cannot_be_read_names_its_own_column():
    lines = write('{"title": "a", "body": ["b"], "label": "x"}\n', "f.jsonl")
    message = refusal(read_rows, lines, text=("title", "body"))
    assert message.startswith("f.jsonl, line 1: column 'body' holds a list, not a string or a number; ")
    lines = write('{"title": "a", "body": "b\\u0000", "label": "x"}\n', "f.jsonl")
    message = refusal(read_rows, lines, text=("title", "body"))
    assert message == "f.jsonl, line 1: a NUL character stands here, in column 'body'; remove it"
