"""The file and the line of each row, as messages name them."""

import numpy as np
import pytest
from row_files import refusal, write

from slanted.text.formats.row_locations import RowLocations
from slanted.text.labels.targets import infer_target
from slanted.text.rows.rows import read_rows

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]


def test_messages_name_the_file_of_the_row():
    write("text,label\na,x\nb,y\n", "a.csv")
    write("text,label\nc,X\nd,y\n", "b.csv")
    assert refusal(infer_target, read_rows("?.csv")) == (
        "a.csv and 1 more: labels 'X' (b.csv, line 2) and 'x' (a.csv, line 2) differ only in case or spaces; "
        "spell them alike, or rename one"
    )
    write("text,label\na,x\n", "c.csv")
    write("text,label\nb,z\n", "d.csv")
    target = infer_target(read_rows("a.csv"))
    assert refusal(target.encode, read_rows("[cd].csv")) == (
        "d.csv, line 2: column 'label' holds 'z', a label that the training data lacks; it has 'x', 'y'; "
        "correct it, or add rows of it to the training data"
    )
    write("text,label\nb,\n", "d.csv")
    assert refusal(read_rows, "[cd].csv") == "d.csv, line 2: column 'label' is empty; fill it in or remove the row"


LOCATIONS = RowLocations((("a.csv", "line"), ("b.parquet", "row")), np.array([2, 5, 1]), np.array([0, 0, 1]))


def test_a_row_is_named_by_its_file_and_by_line_or_row():
    assert [LOCATIONS[row] for row in range(3)] == ["a.csv, line 2", "a.csv, line 5", "b.parquet, row 1"]


def test_a_second_place_names_the_file_only_where_there_are_several():
    assert LOCATIONS.second(1) == "a.csv, line 5"
    assert RowLocations((("a.csv", "line"),), np.array([2, 5]), np.array([0, 0])).second(1) == "line 5"
    assert RowLocations((("b.parquet", "row"),), np.array([4]), np.array([0])).second(0) == "row 4"


def test_places_are_taken_in_the_order_asked_for():
    taken = LOCATIONS.take(np.array([2, 0, 2]))
    assert [taken[row] for row in range(3)] == ["b.parquet, row 1", "a.csv, line 2", "b.parquet, row 1"]
    assert (taken.files, taken.lines.tolist()) == (LOCATIONS.files, [1, 2, 1])
