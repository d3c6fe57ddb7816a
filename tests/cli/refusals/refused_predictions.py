"""Files and options that `evaluate` and `predict` refuse: columns, labels, the place to write."""

ROWS = [
    (
        "evaluate without labels",
        {"r": "RUN", "e.csv": "text,kind\na,x\n"},
        "evaluate r e.csv",
        (
            "e.csv: no column 'label', which the training data has; the columns are 'text', 'kind'; rename or add "
            "it, or name it with `slanted evaluate --label`; rows without labels go to `slanted predict`"
        ),
    ),
    (
        "evaluate an unseen label",
        {"r": "RUN", "e.csv": "text,label\na,x\nb,z\nc,y\n"},
        "evaluate r e.csv",
        (
            "e.csv, line 3: column 'label' holds 'z', a label that the training data lacks; it has 'x', "
            "'y'; correct it, or add rows of it to the training data"
        ),
    ),
    (
        "evaluate names on a model of numbers",
        {"r": "RUN", "r/labels.json": '{"task": "regression", "labels": ["label"]}'},
        "evaluate r t.csv",
        "t.csv, line 2: column 'label' holds 'x', which is no finite number, as regression needs; correct it",
    ),
    (
        "evaluate numbers on a model of several labels",
        {
            "r": "RUN",
            "r/labels.json": '{"task": "multilabel", "labels": ["label"], "thresholds": [0.5]}',
            "e.csv": "text,label\na,2\n",
        },
        "evaluate r e.csv",
        "e.csv, line 2: column 'label' holds '2', but each of several label columns is 0 or 1; correct it",
    ),
    (
        "evaluate what Python saved without labels",
        {"r": "RUN", "r/recipe.json": '{"recipe": {}}', "e.csv": "text,kind\na,x\n"},
        "evaluate r e.csv",
        "e.csv: no column 'label', and column 'kind' holds 'x' on line 2, not 0 or 1; "
        "name the label column with --label; the columns are 'text', 'kind'",
    ),
    (
        "evaluate what Python saved without texts",
        {"r": "RUN", "r/recipe.json": '{"recipe": {}}', "e.csv": "body,kind\na,x\n"},
        "evaluate r e.csv",
        "e.csv: no column 'text', and 2 others hold text; name the text column with --text "
        "and the label column with --label; the columns are 'body', 'kind'",
    ),
    (
        "evaluate the labels as texts",
        {"r": "RUN"},
        "evaluate r t.csv --text label",
        "t.csv: column 'label' is used twice, as --text and as label; name another column for one of them",
    ),
    ("evaluate a missing file", {"r": "RUN"}, "evaluate r nil.csv", "nil.csv: no such file; check the path"),
    (
        "evaluate on an unknown backend",
        {"r": "RUN"},
        "evaluate r t.csv --backend theano",
        "--backend 'theano' is unknown: use tensorflow, jax or torch",
    ),
    (
        "predict without a file to write",
        {"r": "RUN"},
        "predict r t.csv",
        "the following arguments are required: --out; see slanted predict --help",
    ),
    (
        "predict into a folder",
        {"r": "RUN"},
        "predict r t.csv --out r",
        "--out r: is a folder; give the file to write",
    ),
    (
        "predict into no folder",
        {"r": "RUN"},
        "predict r t.csv --out d/p.csv",
        "--out d/p.csv: there is no folder d; create it first",
    ),
    (
        "predict over the texts",
        {"r": "RUN"},
        "predict r t.csv --out ./t.csv",
        "--out t.csv: is the file to predict, and would be replaced; give another file",
    ),
    (
        "predict without texts",
        {"r": "RUN", "e.csv": "body,kind\na,b\n"},
        "predict r e.csv --out p.csv",
        ("e.csv: no column 'text', which the training data has; the columns are 'body', 'kind'; rename or add it"),
    ),
    (
        "predict pairs",
        {"r": "RUN"},
        "predict r t.csv --out p.csv --text-b label",
        "--text-b label: the model was trained on single texts; leave it out",
    ),
    (
        "predict pairs of one column",
        {
            "r": "RUN",
            "r/recipe.json": '{"recipe": {}, "columns": {"text": "a", "text_b": "b", "labels": ["c"]}}',
            "e.csv": "a,b\nx,y\n",
        },
        "predict r e.csv --out p.csv --text a --text-b a",
        "e.csv: column 'a' is used twice, as --text and as --text-b; name another column for one of them",
    ),
    (
        "predict into a workbook",
        {"r": "RUN"},
        "predict r t.csv --out p.xlsx",
        "--out p.xlsx: files in .xlsx are not written; give .csv, .tsv, .json, .jsonl or .parquet, all but the last "
        "also with .gz or .zst behind",
    ),
    (
        "predict and keep no column",
        {"r": "RUN"},
        "predict r t.csv --out p.csv --keep id",
        "t.csv: --keep 'id' names no column; the columns are 'text', 'label'; name one of them",
    ),
    (
        "predict and keep a column twice",
        {"r": "RUN"},
        "predict r t.csv --out p.csv --keep label text label",
        "--keep names column 'label' twice; name it once",
    ),
    (
        "predict and keep a column of the predictions",
        {"r": "RUN", "e.csv": "text,prediction\na,x\n"},
        "predict r e.csv --out p.csv --keep all",
        "--keep: the predictions have a column 'prediction' of their own; rename that of the file, or keep the others "
        "by their names",
    ),
    (
        "predict and keep objects",
        {"r": "RUN", "e.jsonl": '{"text": "a", "more": {"b": 1}}\n'},
        "predict r e.jsonl --out - --keep more --bad-rows skip",
        "e.jsonl, line 1: column 'more' holds an object, which is not copied; leave the column out of --keep",
    ),
    (
        "predict a submission without its column",
        {"r": "RUN"},
        "predict r t.csv --out p.csv --submission id,label",
        "t.csv: --submission 'id' names no column; the columns are 'text', 'label'; name one of them",
    ),
    (
        "predict a submission of several labels",
        {
            "r": "RUN",
            "r/labels.json": '{"task": "multilabel", "labels": ["label"], "thresholds": [0.5]}',
            "r/recipe.json": '{"recipe": {}, "columns": {"text": "text", "labels": ["label"]}}',
        },
        "predict r t.csv --out p.csv --submission text,x",
        "--submission has one column of predictions, but those of this model are 'prediction_label'; give "
        "--keep text in its place",
    ),
    (
        "predict an empty file",
        {"r": "RUN", "e.csv": ""},
        "predict r e.csv --out p.csv",
        "e.csv is empty; it needs a header line and rows below it",
    ),
]
