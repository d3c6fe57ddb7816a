"""Files of rows that are refused: missing, damaged, or for validation and test without what training has."""

from refusal_cases import TRAIN

ROWS = [
    ("missing file", {}, "train no.csv --out o", "no.csv: no such file; check the path"),
    ("a folder", {"d/": ""}, "train d --out o", "d is a folder; name a file in it"),
    ("empty file", {"t.csv": ""}, TRAIN, "t.csv is empty; it needs a header line and rows below it"),
    ("no rows", {"t.csv": "text,label\n"}, TRAIN, "t.csv: no rows below the header 'text', 'label'; add some"),
    (
        "not UTF-8",
        {"t.csv": b"text,label\na,x\ncaf\xe9,y\n"},
        TRAIN,
        (
            "t.csv, line 3: byte 0xe9 is not UTF-8; save the file as UTF-8 or name its encoding, such as "
            "--encoding cp1252"
        ),
    ),
    (
        "UTF-16",
        {"t.csv": b"\xff\xfet\x00e\x00x\x00t\x00,\x00l\x00a\x00b\x00e\x00l\x00\n\x00a\x00,\x00x\x00\n\x00"},
        TRAIN,
        ("t.csv, line 1: byte 0xff is not UTF-8; the file begins as UTF-16 does: --encoding utf-16"),
    ),
    (
        "NUL",
        {"t.csv": "text,label\na,x\nb\x00,y\n"},
        TRAIN,
        ("t.csv, line 3: a NUL character stands here; remove it or, if the file is UTF-16, say so: --encoding utf-16"),
    ),
    (
        "ragged row",
        {"t.csv": "text,label\na,x\nb\n"},
        TRAIN,
        (
            "t.csv, line 3: 1 field, but the header has 2; put a field that holds the separator or a "
            "line break in double quotes"
        ),
    ),
    (
        "unclosed quote",
        {"t.csv": 'text,label\na,x\n"b,y\nc,x\n'},
        TRAIN,
        (
            "t.csv, line 3: the quoted field that opens here is never closed; close its quote there, and "
            "write quotes within it twice"
        ),
    ),
    ("missing validation file", {}, f"{TRAIN} --valid none.csv", "none.csv: no such file; check the path"),
    ("missing test file", {}, f"{TRAIN} --test nope.csv", "nope.csv: no such file; check the path"),
    (
        "test without labels",
        {"e.csv": "text\na\n"},
        f"{TRAIN} --test e.csv",
        (
            "e.csv: no column 'label', which the training data has; the columns are 'text'; rename or add it, "
            "or name it with `slanted evaluate --label`; rows without labels go to `slanted predict`"
        ),
    ),
    (
        "test without texts",
        {"e.csv": "body,label\na,x\n"},
        f"{TRAIN} --test e.csv",
        ("e.csv: no column 'text', which the training data has; the columns are 'body', 'label'; rename or add it"),
    ),
    (
        "test with an empty label",
        {"e.csv": "text,label\na,\n"},
        f"{TRAIN} --test e.csv",
        "e.csv, line 2: column 'label' is empty; fill it in or remove the row",
    ),
    (
        "unseen label in validation",
        {"v.csv": "text,label\na,x\nb,z\n"},
        f"{TRAIN} --valid v.csv",
        (
            "v.csv, line 3: column 'label' holds 'z', a label that the training data lacks; it has 'x', "
            "'y'; correct it, or add rows of it to the training data"
        ),
    ),
    (
        "unseen label in test",
        {"e.csv": "text,label\na,z\n"},
        f"{TRAIN} --test e.csv",
        (
            "e.csv, line 2: column 'label' holds 'z', a label that the training data lacks; it has 'x', "
            "'y'; correct it, or add rows of it to the training data"
        ),
    ),
    (
        "another spelling in test",
        {"e.csv": "text,label\na,X\n"},
        f"{TRAIN} --test e.csv",
        (
            "e.csv, line 2: column 'label' holds 'X', which differs from the training data's 'x' only in "
            "case or spaces; spell them alike"
        ),
    ),
]
