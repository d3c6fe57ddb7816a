"""JSON Lines as records: the keys of the first object, values as cells, and lines that are refused."""

import json
import time
from pathlib import Path

import pytest
from row_files import read_rows, refusal

from slanted.errors import InputError
from slanted.text.formats.jsonl_reader import read_json_lines
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.labels.targets import infer_target
from slanted.text.rows.columns import LIST_SEPARATOR, Columns
from slanted.text.rows.rows import read_rows_like

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

GOOD = '{"text": "a", "label": "x"}\n'
A_LINE = "write one whole JSON object a line"
KEYS = "give every line the keys that are read"
CELL = "not a string or a number; write it as one or remove the row"
NO_LIST = (
    "but was taken for one of single labels, as no list is among its first rows; "
    "make every cell a list, [] for no label, or every cell a single label"
)


def write(content, name="f.jsonl"):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return name


def lines(*objects):
    return "".join(json.dumps(one) + "\n" for one in objects)


REFUSED = [
    ("nothing", "", "f.jsonl is empty; it needs JSON objects, one a line"),
    ("empty lines", "\n \r\n", "f.jsonl is empty; it needs JSON objects, one a line"),
    (
        "a broken line",
        GOOD + '{"text": "b, "label": "x"}\n',
        f"f.jsonl, line 2: this is no whole JSON object (Expecting ',' delimiter at character 15); {A_LINE}",
    ),
    (
        "a line cut short",
        GOOD + '{"text": "b", "lab',
        f"f.jsonl, line 2: this is no whole JSON object (Unterminated string starting at character 15); {A_LINE}",
    ),
    (
        "an object of several lines",
        '{\n"text": "b"\n}\n',
        "f.jsonl, line 1: this is no whole JSON object "
        f"(Expecting property name enclosed in double quotes at character 3); {A_LINE}",
    ),
    (
        "two objects on a line",
        GOOD + GOOD.strip() + GOOD,
        f"f.jsonl, line 2: this is no whole JSON object (Extra data at character 28); {A_LINE}",
    ),
    ("an empty array", "[ ]", "f.jsonl is empty; it needs JSON objects"),
    (
        "an array cut short",
        "[\n" + GOOD + ",\n" + GOOD[:15],
        "f.jsonl, line 4: this JSON array is damaged: Unterminated string starting; correct it",
    ),
    (
        "an array that does not end",
        "[" + GOOD,
        "f.jsonl, line 2: this JSON array is damaged: a comma or its end is missing; correct it",
    ),
    (
        "text after an array",
        f"[{GOOD}]\n[]",
        "f.jsonl, line 3: this JSON array is damaged: there is text after its end; correct it",
    ),
    (
        "a key twice in an array",
        '[{"text": "a", "text": "b"}]',
        "f.jsonl, line 1: this JSON array is damaged: the key 'text' stands here twice; remove one; correct it",
    ),
    ("an array of texts", '["a"]', f"f.jsonl, line 1: this is JSON, but no object; {A_LINE}"),
    ("a string", GOOD + '"b"\n', f"f.jsonl, line 2: this is JSON, but no object; {A_LINE}"),
    ("a list", GOOD + "[1]\n", f"f.jsonl, line 2: this is JSON, but no object; {A_LINE}"),
    ("another key", GOOD + '{"text": "b", "labels": "x"}\n', f"f.jsonl, line 2: key 'label' is missing; {KEYS}"),
    ("no key", GOOD + "{}\n", f"f.jsonl, line 2: key 'text' is missing; {KEYS}"),
    (
        "a key twice",
        GOOD + '{"text": "b", "label": "x", "text": "c"}\n',
        "f.jsonl, line 2: the key 'text' stands here twice; remove one",
    ),
    (
        "an object as text",
        GOOD + '{"text": {"en": "b"}, "label": "x"}\n',
        f"f.jsonl, line 2: column 'text' holds an object, {CELL}",
    ),
    (
        "a list as text",
        GOOD + '{"text": ["b"], "label": "x"}\n',
        f"f.jsonl, line 2: column 'text' holds a list, {CELL}",
    ),
    (
        "an object as label",
        '{"text": "a", "label": {"x": 1}}\n',
        f"f.jsonl, line 1: column 'label' holds an object, {CELL}",
    ),
    (
        "a list of lists as label",
        '{"text": "a", "label": [["x"]]}\n',
        f"f.jsonl, line 1: column 'label' holds a nested list, {CELL}",
    ),
    (
        "lists deep in the file only",
        GOOD * 200 + '{"text": "a", "label": ["x"]}\n',
        f"f.jsonl, line 201: column 'label' holds a list, {NO_LIST}",
    ),
    (
        "nested a hundred thousand deep",
        GOOD + "[" * 100_000 + "\n",
        f"f.jsonl, line 2: this JSON is nested too deeply to be read; {A_LINE}, of strings and numbers",
    ),
    (
        "null",
        GOOD + '{"text": null, "label": "x"}\n',
        "f.jsonl, line 2: column 'text' is empty; fill it in or remove the row",
    ),
    (
        "a blank label",
        GOOD + '{"text": "b", "label": " "}\n',
        "f.jsonl, line 2: column 'label' is empty; fill it in or remove the row",
    ),
    (
        "half a character in a label",
        GOOD + r'{"text": "b", "label": "\ud83d"}',
        "f.jsonl, line 2: column 'label' holds a label with half a character, which no result can hold; correct it",
    ),
    (
        "half a character in a key",
        r'{"text": "b", "\ud83d": "x"}',
        r"f.jsonl, line 1: key '\ud83d' holds half a character; rename it",
    ),
    (
        "half a character as bytes",
        GOOD.encode() + b'{"text": "\xed\xa0\xbd", "label": "x"}',
        "f.jsonl, line 2: byte 0xed is not UTF-8; "
        "save the file as UTF-8 or name its encoding, such as --encoding cp1252",
    ),
    (
        "a NUL byte",
        '{"text": "a\0", "label": "x"}\n',
        "f.jsonl, line 1: a NUL character stands here; remove it or, if the file is UTF-16, say so: --encoding utf-16",
    ),
    (
        "a label with the separator",
        lines({"text": "a", "label": ["x\x1fy"]}),
        "f.jsonl, line 1: column 'label' holds the label 'x\\x1fy', in which stands the separator '\\x1f'; rename it",
    ),
    (
        "a line without end",
        '{"text": "' + "a" * 2**24,
        f"f.jsonl, line 1: this line is longer than 16,777,216 characters; {A_LINE}",
    ),
]


@pytest.mark.parametrize(("content", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_with_a_message_of_its_own(content, message):
    with pytest.raises(InputError) as caught:
        read_rows(write(content))
    assert str(caught.value) == message
    assert message.isprintable()


TEXTS = {
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈",
    "only emoji": "👍🏽",
    "lone surrogates": "a\ud83d b\udc4d",
    "only a lone surrogate": "\udfff",
    "line breaks and controls": "a\nb\r\nc\x01",
    "right to left and zero width": "שלום \u202eעולם\u202c\u200b",
    "a million words": "word " * 10**6,
    "JSON": '{"text": "a"}',
}


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_texts_come_back_unchanged(text, escaped):
    if not escaped and any("\ud800" <= character <= "\udfff" for character in text):
        escaped = True  # bare they are not UTF-8
    record = json.dumps({"text": text, "label": "x"}, ensure_ascii=escaped)
    rows = read_rows(write(f"{record}\r\n{record}"))
    assert rows.texts == [text, text]
    assert rows.take([1]).texts == [text]


def test_values_become_cells():
    big = "1" + "0" * 5000
    record = f'{{"text": "a", "n": 1.50, "i": -7, "big": {big}, "t": true, "f": false, "nan": NaN}}'
    names = ["n", "i", "big", "t", "f", "nan"]
    rows = read_rows(write(record), label=names)
    assert rows.labels == [["1.50"], ["-7"], [big], ["1"], ["0"], ["NaN"]]


def test_keys_in_another_order_empty_lines_and_a_byte_order_mark():
    rows = read_rows(write("\ufeff\n" + GOOD + "\r\n" + '{"label": "y", "text": "b"}'))
    assert (rows.texts, rows.labels, rows.lines.tolist()) == (["a", "b"], [["x", "y"]], [2, 4])
    assert rows.columns == Columns("text", None, ("label",))


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_objects_is_read_an_object_at_a_time(indent, monkeypatch):
    monkeypatch.setattr("slanted.text.formats.line_reader._BLOCK_BYTES", 50)
    records = [{"text": f"ä [{at}], " * 9, "label": ["x", "y"][at % 2]} for at in range(300)]
    rows = read_rows(write(" \n" + json.dumps(records, indent=indent, ensure_ascii=False) + "\n", "f.json"))
    assert list(zip(rows.texts, rows.labels[0], strict=True)) == [tuple(one.values()) for one in records]
    assert rows.lines[:3].tolist() == ([2, 2, 2] if indent is None else [3, 7, 11])


def test_keys_may_be_missing_in_columns_that_are_not_read():
    others = {"id": 1, "label": "y", "text": "b"}, {"text": "c", "label": "x", "z": 0}
    content = lines({"text": "a", "label": "x"}, *others)
    rows = read_rows(write(content))
    assert (rows.texts, rows.labels) == (["a", "b", "c"], [["x", "y", "x"]])
    bad = BadRows("skip")
    assert read_rows(write(GOOD + '{"label": "y"}\n' + GOOD), bad_rows=bad).texts == ["a", "a"]
    assert bad.latest == f"f.jsonl, line 2: key 'text' is missing; {KEYS}"


def test_nested_values_of_other_columns_are_let_be():
    content = lines({"text": "a", "meta": {"id": [1]}, "label": "x"}, {"text": "b", "meta": None, "label": "y"})
    assert read_rows(write(content)).labels == [["x", "y"]]


def test_lists_of_labels_make_several_labels():
    content = lines({"text": "a", "label": ["x", "y"]}, {"text": "b", "label": []}, {"text": "c", "label": ["x"]})
    rows = read_rows(write(content))
    assert rows.columns.label_separator == LIST_SEPARATOR
    target = infer_target(rows)
    assert (target.kind, target.labels) == ("multilabel", ("x", "y"))
    assert target.reason == "f.jsonl: column 'label' holds lists"
    assert target.encode(rows).tolist() == [[1, 1], [0, 0], [1, 0]]
    later = read_rows_like(write(lines({"text": "a", "label": [" y "]}), "later.jsonl"), rows.columns)
    assert target.encode(later).tolist() == [[0, 1]]


def test_a_line_that_never_ends_is_refused_in_bounded_memory():
    class Endless:
        given = 0

        def peek(self, size):
            return b"{" * size

        def read(self, size):
            self.given += size
            return b"{" * size

    stream = Endless()
    with pytest.raises(InputError, match="line 1: this line is longer than"):
        read_json_lines(stream, "f.jsonl", "utf-8", BadRows())
    assert stream.given < 2**24 + 2**21


def test_a_key_that_stands_twice_among_many_is_found_in_time_that_grows_with_their_number():
    def seconds(keys):
        line = "{" + ", ".join(f'"k{number}": "x"' for number in range(keys)) + ', "k1": "y"}'
        Path("k.jsonl").write_text(line)
        start = time.perf_counter()
        with pytest.raises(InputError, match="the key 'k1' stands here twice; remove one"):
            read_rows("k.jsonl", text="k0", label=["k2"])
        return time.perf_counter() - start

    few, many = min(seconds(5_000) for _ in range(3)), seconds(40_000)
    assert many < 32 * few + 0.5


@pytest.mark.parametrize("name", ["f.json", "f"])
def test_utf_16_is_recognised_by_its_text(name):
    content = '[{"text": "a", "label": "x"}]' if name == "f.json" else GOOD
    assert read_rows(write(content.encode("utf-16"), name), encoding="utf-16").texts == ["a"]
    message = refusal(read_rows, write(content.encode("utf-16-le"), name), encoding="utf-16")
    assert message.endswith("say the byte order, such as --encoding utf-16-le")


def test_a_list_with_a_null_is_called_so():
    cells = '{"text": "a", "label": ["x", null]}\n'
    assert ": column 'label' holds a list with a null, not a string" in refusal(read_rows, write(cells, "f.jsonl"))
