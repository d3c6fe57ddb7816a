"""Files without a header: their first line looks like a row."""

import pytest
from row_files import read_rows, refusal, write

from slanted.text.rows.columns import Columns
from slanted.text.rows.header_check import check_is_header
from slanted.text.rows.rows import read_rows_like

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

OR = "or --header if it is one"
WITHOUT = {
    "classes": ("great film,good\nawful film,bad\nnice one,good\n", {}),
    "classes, named": (
        "great film,good\nawful film,bad\ngreat film,bad\nnice one,good\n",
        {"text": "great film", "label": ["good"]},
    ),
    "two labels": ("great film,0,1\nawful film,0,0\n", {}),
    "0 and 1": ("great film,1\nawful film,0\n", {}),
    "numbers": ("3,great film\n5,awful film\n", {}),
    "labels first": ("good\tgreat film\nbad\tawful film\ngood\tnice one\n", {"separator": "tab"}),
    "a sentence": ("I did not like it at all,x\nI liked it a lot more,y\n", {}),
    "several labels": ("great film,1,0\nawful film,0,0\n", {}),
    "CoLA": ("gj04\t1\t\tOur friends buy it.\ngj04\t0\t*\tThey drank the pub.\n", {"separator": "tab"}),
    "quoted": ('"0","1","great film"\n"4","2","awful film"\n', {}),
}


@pytest.mark.parametrize(("content", "options"), WITHOUT.values(), ids=WITHOUT)
def test_a_file_without_a_header_is_refused(content, options):
    message = refusal(read_rows, write(content), **options)
    assert message.startswith("f.csv: seems to have no header, as its first line looks like a row: '")
    assert "; give --no-header --columns A,B with the names of its " in message and message.endswith(OR)


def test_texts_to_predict_without_a_header_are_refused():
    message = refusal(
        read_rows_like, write("I love it.\nI hate it.\n"), Columns("text", None, ("label",)), labelled=False
    )
    assert message == (
        "f.csv: seems to have no header, as its first line looks like a row: 'I love it.'; "
        f"give --no-header --columns text, {OR}"
    )


WITH = {
    "usual names": ("text,label\na,x\n", {}),
    "a usual name and numbers": ("text,0,1\na,0,1\n", {}),
    "a label that is the name of its column": ("TEXT,label\na,label\nb,other\n", {}),
    "other names": ("review,sentiment\na,good\nb,bad\n", {"text": "review", "label": ["sentiment"]}),
    "an index": (",review,toxic\n0,a,0\n1,b,1\n", {"label": ["toxic"]}),
    "numbers for names": ("0,1\na b,x\nc d,y\n", {"text": "0", "label": ["1"]}),
    "a number above words and numbers": ("comment,2019\nfine,high\nno,3\n", {"text": "comment", "label": ["2019"]}),
    "a form": (
        "Timestamp,What did you like about the product?,Category\n1/2,all of it really,x\n1/3,the looks of it,y\n",
        {"text": "What did you like about the product?", "label": ["Category"]},
    ),
    "a long name": (
        "How was the service at our store today,Team\nit was quite good,x\n",
        {"text": "How was the service at our store today", "label": ["Team"]},
    ),
    "a class named as its column": ("sentence,spam\na,spam\nb,ham\n", {"text": "sentence", "label": ["spam"]}),
    "the same with more columns": (
        "utterance,intent,domain\na,intent,x\nb,other,y\n",
        {"text": "utterance", "label": ["intent"]},
    ),
    "positions": ("comment,0,1,2\na,0,1,0\nb,0,0,1\n", {}),
    "a question": ("What do you like about it?,stars\nthe looks of it,3\nall of it,4\n", {"label": ["stars"]}),
    "the header twice": ("review,kind\na,x\nreview,kind\nb,y\n", {"text": "review", "label": ["kind"]}),
}


@pytest.mark.parametrize(("content", "options"), WITH.values(), ids=WITH)
def test_a_header_is_known_by_names_that_are_usual_or_unlike_the_cells(content, options):
    assert len(read_rows(write(content), **options)) == content.count("\n") - 1


def test_an_option_says_that_there_is_a_header():
    rows = read_rows(write("great film,1\nawful film,0\nnice one,1\n"), header=True)
    assert rows.columns == Columns("great film", None, ("1",))
    trained = Columns("great film", None, ("1",))
    assert read_rows_like("f.csv", trained).texts == ["awful film", "nice one"]  # the names of the training data


def test_names_that_no_first_line_gave_are_not_checked():
    from slanted.text.rows.columns import Header

    check_is_header(Header("f.jsonl", ("good", "film"), [(1, ["good", "film"])]), ())
