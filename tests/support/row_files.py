"""Files of rows in the working folder, and the message by which one is refused."""

from pathlib import Path

import pytest

from slanted.errors import InputError
from slanted.text.rows import rows
from slanted.text.settings import ReadOptions


def write(content, name="f.csv"):
    """Write text or bytes to a file and return its name."""
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return name


def read_rows(paths, *, labelled=True, bad_rows=None, **options):
    """Return the rows of files, with options for reading as keywords."""
    return rows.read_rows(paths, ReadOptions(**options), labelled=labelled, bad_rows=bad_rows)


def rows_of(*records, header="text,label", name="f.csv", **options):
    """Write a CSV file of the records and return its rows."""
    Path(name).write_text("\n".join([header, *records, ""]), encoding="utf-8")
    return read_rows(name, **options)


def labelled(*labels, **options):
    """Return the rows of a file with these labels."""
    return rows_of(*(f't,"{label}"' for label in labels), **options)


def refusal(call, *arguments, **options):
    """Return the message of the InputError that a call raises, which is one line of characters that can be printed."""
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert message.isprintable()
    return message


def each_of(cases):
    """Give a test the content, the options and the message of each case, under the case's name."""
    values, names = [case[1:] for case in cases], [case[0] for case in cases]
    return pytest.mark.parametrize(("content", "options", "message"), values, ids=names)
