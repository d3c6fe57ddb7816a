"""Quotes in tab-separated files: as Python's csv reads them without a rule for quotes, unless they enclose fields."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from row_files import read_rows, refusal, write

from slanted.text.formats.delimited_form import quotes_enclose

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

PLAIN = {  # rows of text and label, whose quotes are all part of the texts
    "an inch": [('a 5" screen', "x"), ('the 7"', "y")],
    "quotes within": [('he said "hi" twice', "x"), ("b", "y")],
    "a quoted beginning": [('"Yes," he said.', "x"), ('"No," she said.', "y")],
    "a quoted end": [('he said "yes"', "x"), ('she said "no"', "y")],
    "opened and closed in other rows": [('"opened', "x"), ("b", "y"), ('closed"', "x"), ("c", "y")],
    "opened and never closed": [("a", "x"), ('"opened', "y"), ("b", "x")],
    "one quote": [('"', "x"), ("b", "y"), ('"', "x")],
    "two quotes": [('""', "x"), ("b", "y"), ('"" c', "x")],
    "a whole quote among others": [('"A whole one."', "x"), ("b c", "y"), ("d", "x"), ('"e" f', "y")],
    "a whole quote first": [("a", "x"), ('"A whole one."', "x"), ("b c", "y"), ("d", "x")],
    "quotes in the label": [("a", '"x'), ("b", 'y"'), ("c", '"x'), ("d", 'y"')],
    "apostrophes and commas": [("'a', b", "x"), ("c;d", "y")],
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("rows", PLAIN.values(), ids=PLAIN)
def test_a_tsv_file_whose_quotes_are_text_is_read_as_python_s_csv_does_without_quotes(rows, end):
    content = "".join("\t".join(row) + end for row in [("text", "label"), *rows])
    expected = list(csv.reader(io.StringIO(content, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    for options in ({}, {"quotes": "none"}):
        read = read_rows(write(content, "f.tsv"), **options)
        assert list(map(list, zip(read.texts, read.labels[0], strict=True))) == expected == list(map(list, rows))
    flipped = "".join("\t".join(reversed(row)) + end for row in [("text", "label"), *rows])
    read = read_rows(write(flipped.replace("\t", "|"), "f.csv"))
    assert list(zip(read.texts, read.labels[0], strict=True)) == rows


def test_a_file_of_many_rows_is_read_row_for_row_wherever_its_first_quote_is():
    rows = [(f"text {at}", f"x{at % 2}") for at in range(3000)]
    rows[2500] = ('"opened here', "x0")
    rows[2900] = ('and closed here"', "x1")
    content = "".join("\t".join(row) + "\r\n" for row in [("text", "label"), *rows])
    Path("f.tsv.gz").write_bytes(gzip.compress(content.encode()))
    read = read_rows("f.tsv.gz")
    assert list(zip(read.texts, read.labels[0], strict=True)) == rows
    assert read.lines.tolist() == list(range(2, 3002))


ENCLOSED = {
    "doubled quotes": [('he said "hi"', "x"), ("b", "y")],
    "tabs": [("a\tb", "x"), ("c", "y")],
    "line breaks": [("a\nb\r\nc", "x"), ("d", "y")],
    "all of them": [('a\t"b"\nc', "x"), ('d "e"', "y"), ("f\ng", "x")],
}


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("rows", ENCLOSED.values(), ids=ENCLOSED)
def test_a_tsv_file_of_a_csv_writer_is_read_back(rows, quoting):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter="\t", quoting=quoting).writerows([("text", "label"), *rows])
    read = read_rows(write(file.getvalue(), "f.tsv"))
    assert list(zip(read.texts, read.labels[0], strict=True)) == rows


def test_a_file_in_which_every_text_has_quotes_around_it_has_them_around_fields():
    read = read_rows(write('text\tlabel\n"a b"\tx\n"c d"\ty\n', "f.tsv"))
    assert read.texts == ["a b", "c d"]
    assert read_rows("f.tsv", quotes="none").texts == ['"a b"', '"c d"']


@pytest.mark.parametrize(
    "texts", [["plain one", "line one\nline two", "other"], ["a", "b, c", "d\n\ne", "f"], ["a", "b\tc", "d"]]
)
def test_a_column_of_texts_with_line_breaks_is_read_back(texts):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter="\t").writerows([["text"], *([text] for text in texts)])
    assert read_rows(write(file.getvalue(), "f.tsv"), labelled=False).texts == texts
    late = 'text\n"a ""b"" c"\n"d\ne"\n'
    assert read_rows(write(late, "f.tsv"), labelled=False).texts == ['a "b" c', "d\ne"]


def test_a_column_of_texts_with_a_malformed_quote_has_no_quotes_around_fields():
    texts = ["plain", '"Yes," he said.', '"opened', "b"]
    assert read_rows(write("\n".join(["text", *texts]), "f.tsv"), labelled=False).texts == texts


def test_quotes_around_all_fields_with_a_comma_and_no_others_are_those_of_a_spreadsheet():
    rows = 'text\tlabel\n{}"Hello, world"\tx\nplain\ty\nother\tx\nmore\ty\n'
    assert read_rows(write(rows.format(""), "f.tsv")).texts == ["Hello, world", "plain", "other", "more"]
    for bare in ("a, b\tx\n", '"whole"\tx\n'):
        assert '"Hello, world"' in read_rows(write(rows.format(bare), "f.tsv")).texts
    assert '"Hello, world"' in read_rows(write(rows.format("") + "a, b\tx\n", "f.tsv")).texts


OR_NONE = "or if quotes are part of the texts give --quotes none"
LATE = {
    "a lone quote": (
        '"opened\tx\nb\ty\n',
        "f.tsv, line 4: the quoted field that opens here is never closed; close its quote there, and write quotes "
        f"within it twice; {OR_NONE}",
    ),
    "rows that would become one": (
        '"opened\tx\nb\ty\nclosed"\tx\n',
        "f.tsv, line 4: the quotes from here on make one row of 3 lines, each of which is a row; give --quotes none if "
        "they are part of the texts, else --quotes csv",
    ),
}


@pytest.mark.parametrize(("rows", "message"), LATE.values(), ids=LATE)
def test_a_file_that_turns_out_to_be_written_otherwise_is_refused(rows, message, monkeypatch):
    monkeypatch.setattr("slanted.text.formats.delimited_form.LOOK_AHEAD", 1)
    assert refusal(read_rows, write('text\tlabel\n"a ""b"" c"\tx\nd\ty\n' + rows, "f.tsv")) == message
    assert len(read_rows("f.tsv", quotes="none").texts) == 2 + rows.count("\n")


def test_without_a_rule_for_quotes_a_ragged_row_names_the_option_for_the_other_case():
    message = refusal(read_rows, write('text\tlabel\n"a\nb"\tx\n', "f.tsv"), quotes="none")
    assert message == (
        "f.tsv, line 2: 1 field, but the header has 2; take the separator or the line break out of its fields, or if "
        "quotes enclose the fields give --quotes csv"
    )


def test_lines_that_tell_nothing_are_counted():
    whole = ['"a b"\tx\n', "c d\ty\n", "e f\tx\n"]
    assert not quotes_enclose(whole, "\t", 2) and quotes_enclose(whole[:1], "\t", 2)
    assert quotes_enclose(['"text"\tlabel\n'], "\t", None) and not quotes_enclose(['"a" b\tx\n'], "\t", None)
