"""A file as a table, whatever its format: how the format is known, and which headers are refused."""

import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet
from row_files import read_rows, refusal, write

from slanted.errors import InputError
from slanted.text.formats.open_table import SAMPLE_ROWS, check_same_columns, open_table
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.rows.columns import Columns
from slanted.text.rows.rows import read_rows_like
from slanted.text.settings import ReadOptions

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

GOOD = '{"text": "a", "label": "x"}\n'
SAME = "several files must have the same columns"


def test_many_columns_are_searched_in_little_time():
    names = ",".join(f"column_{at}" for at in range(10**5))
    message = refusal(read_rows, write(f"{names}\n{'1,' * (10**5 - 1)}1\n"))
    assert message.startswith("f.csv: no column 'text', and no other holds text; name the text column with --text")
    assert message.endswith("'column_19' and 99,980 more")
    assert refusal(read_rows, write(f"{names}\n")).endswith("'column_19' and 99,980 more; add some")


SEPARATED = [
    ("f.tsv", "text\tlabel\na,b;c\tx\n", ["a,b;c"]),
    ("f.TAB", "text\tlabel\na,b;c\tx\n", ["a,b;c"]),
    ("f.csv", "text\tlabel\na,b;c\tx\n", ["a,b;c"]),
    ("f.csv", "text;label\na,b\tc;x\n", ["a,b\tc"]),
    ("f.txt", "text,label\na;b\tc,x\n", ["a;b\tc"]),
]


@pytest.mark.parametrize(("name", "content", "texts"), SEPARATED)
def test_the_separator_follows_from_the_name_or_the_header(name, content, texts):
    assert read_rows(write(content, name)).texts == texts


@pytest.mark.parametrize("name", ["f.jsonl", "f.NDJSON", "f.json", "f", "f.txt"])
def test_json_lines_are_known_by_name_or_content(name):
    assert read_rows(write(GOOD + GOOD, name)).texts == ["a", "a"]


def test_a_csv_file_whose_header_looks_like_json_is_csv():
    rows = read_rows(write("{text,label\na,x\n", "f.csv"), text="{text")
    assert rows.texts == ["a"]


DIFFER = [
    ("text,label,id\nb,y,1\n", "b.csv: its columns are 'text', 'label', 'id', where a.csv has 'text', 'label'"),
    ("text,Label\nb,y\n", "b.csv: its columns are 'text', 'Label', where a.csv has 'text', 'label'"),
    ("text\nb\n", "b.csv: its columns are 'text', where a.csv has 'text', 'label'"),
    ("text,label,label\nb,y,y\n", "b.csv: its columns are 'text', 'label', 'label', where a.csv has 'text', 'label'"),
]


@pytest.mark.parametrize(("content", "message"), DIFFER)
def test_files_whose_columns_differ_are_refused(content, message):
    write("text,label\na,x\n", "a.csv")
    write(content, "b.csv")
    assert refusal(read_rows, ["a.csv", "b.csv"]) == f"{message}; {SAME}"
    columns = Columns("text", None, ("label",))
    assert refusal(read_rows_like, ["a.csv", "b.csv"], columns) == f"{message}; {SAME}"


def test_a_name_with_a_nul_is_refused():
    Path("f.jsonl").write_text(json.dumps({"text": "a", "b\0": 1}))
    with pytest.raises(InputError) as caught:
        read_rows("f.jsonl")
    assert str(caught.value) == r"f.jsonl: the name of column 'b\x00' holds a NUL character; rename it"


def test_the_sample_is_among_the_records_and_cells_come_in_the_order_asked_for():
    rows = "".join(f"{at},t{at},x\n" for at in range(SAMPLE_ROWS + 20))
    with open_table(write(f"id,text,label\n{rows}")) as table:
        assert (table.source, table.unit, table.header) == ("f.csv", "line", ("id", "text", "label"))
        sample = table.sample()
        assert len(sample) == SAMPLE_ROWS and sample[0] == (2, ["0", "t0", "x"])
        records = list(table.records(["label", "id"]))
    assert records == [(at + 2, ["x", str(at)]) for at in range(SAMPLE_ROWS + 20)]


def test_parquet_is_counted_by_rows():
    parquet.write_table(pyarrow.table({"text": ["a", "b"], "label": ["x", "y"]}), "f.csv")
    with open_table("f.csv") as table:
        assert (table.unit, table.header) == ("row", ("text", "label"))
        assert table.sample() == [(1, ["a", "x"]), (2, ["b", "y"])]
        assert list(table.records(["label"])) == [(1, ["x"]), (2, ["y"])]


def test_bad_rows_are_given_away_and_columns_are_compared_without_counting_them():
    bad = BadRows("skip")
    write("label,text\nx,a,b\ny,b\n", "b.csv")
    with open_table(write("text,label\na,x,y\na,x\n"), bad_rows=bad) as table:
        check_same_columns(table, ["b.csv"], ReadOptions(), bad)
        assert list(table.records(["text"])) == [(3, ["a"])]
    assert bad.count == 1


@pytest.mark.parametrize("name", ["f.jsonl.gz", "F.JSON.ZST", "f.ndjson.zstd"])
def test_a_packing_s_ending_hides_no_format(name):
    with open_table(write(GOOD, name)) as table:
        assert table.header == ("text", "label")
