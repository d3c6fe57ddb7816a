"""Files that are refused for their columns: unknown, missing, named twice, used twice or empty."""

from refusal_cases import TRAIN

ROWS = [
    (
        "unknown text column",
        {},
        f"{TRAIN} --text body",
        "t.csv: --text 'body' names no column; the columns are 'text', 'label'; name one of them",
    ),
    (
        "unknown second text column",
        {},
        f"{TRAIN} --text-b body",
        "t.csv: --text-b 'body' names no column; the columns are 'text', 'label'; name one of them",
    ),
    (
        "unknown label column",
        {},
        f"{TRAIN} --label class",
        "t.csv: --label 'class' names no column; the columns are 'text', 'label'; name one of them",
    ),
    (
        "one column used twice",
        {},
        f"{TRAIN} --text label",
        ("t.csv: column 'label' is used twice, as --text and as --label; name another column for one of them"),
    ),
    (
        "one label column twice",
        {},
        f"{TRAIN} --label label label",
        ("t.csv: column 'label' is used twice, as --label and as --label; name another column for one of them"),
    ),
    (
        "columns of one name",
        {"t.csv": "text,text,label\na,b,x\n"},
        TRAIN,
        "t.csv: 2 columns are named 'text'; rename all but one",
    ),
    (
        "no label column",
        {"t.csv": "text,kind\na,x\nb,y\n"},
        TRAIN,
        (
            "t.csv: no column 'label', and column 'kind' holds 'x' on line 2, not 0 or 1; name the label "
            "column with --label; the columns are 'text', 'kind'"
        ),
    ),
    (
        "no text column",
        {"t.csv": "one,two,label\na,b,x\nb,c,y\n"},
        TRAIN,
        (
            "t.csv: no column 'text', and 2 others hold text; name the text column with --text; the "
            "columns are 'one', 'two', 'label'"
        ),
    ),
    (
        "empty text",
        {"t.csv": "text,label\na,x\n,y\n"},
        TRAIN,
        "t.csv, line 3: column 'text' is empty; fill it in or remove the row",
    ),
    (
        "blank text",
        {"t.csv": 'text,label\n"a\nb",x\n" \t",y\n'},
        TRAIN,
        "t.csv, line 4: column 'text' is empty; fill it in or remove the row",
    ),
    (
        "empty label",
        {"t.csv": "text,label\na,x\nb,\n"},
        TRAIN,
        "t.csv, line 3: column 'label' is empty; fill it in or remove the row",
    ),
]
