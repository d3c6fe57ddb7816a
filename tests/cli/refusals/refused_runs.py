"""Folders of runs that are refused by `watch`, `report`, `evaluate` and `predict`: incomplete or damaged."""

import json

from refusal_cases import HUGE, NESTED, RESTORE

COLUMNS = {"text": "text", "text_b": None, "labels": ["label"], "label_separator": None}

ROWS = [
    (
        "nothing to watch",
        {"r/": ""},
        "watch r",
        "r: no run in it is running or finished; give the folder that `slanted train --out` names",
    ),
    (
        "a broken run to watch",
        {"r": "RUN", "r/metrics.json": "{"},
        "watch r",
        "r/metrics.json: cannot be read as JSON (Expecting property name enclosed in double quotes: line 1 column 2 "
        "(char 1)); restore the file or train again",
    ),
    (
        "report of no folder",
        {},
        "report none",
        "none: there is no such folder; give the folder of `slanted train --out`",
    ),
    (
        "report of a folder that holds no run",
        {"r/notes.txt": "a"},
        "report r",
        "r: is not a finished run, metrics.json is missing; train one first",
    ),
    (
        "report of a file",
        {},
        "report t.csv",
        "t.csv: there is no such folder; give the folder of `slanted train --out`",
    ),
    (
        "evaluate without a run",
        {},
        "evaluate none t.csv",
        "none: there is no such folder; give the folder of `slanted train --out`",
    ),
    (
        "evaluate on a file",
        {},
        "evaluate t.csv t.csv",
        "t.csv: there is no such folder; give the folder of `slanted train --out`",
    ),
    (
        "an empty folder",
        {"r/": ""},
        "evaluate r t.csv",
        "r: is not a finished run, recipe.json is missing; train one first",
    ),
    (
        "a run without labels.json",
        {"r": "RUN", "r/labels.json": None},
        "evaluate r t.csv",
        "r: is not a finished run, labels.json is missing; train one first",
    ),
    (
        "broken labels.json",
        {"r": "RUN", "r/labels.json": "{"},
        "evaluate r t.csv",
        (
            "r/labels.json: cannot be read as JSON (Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)); restore the file or train again"
        ),
    ),
    (
        "labels.json of other JSON",
        {"r": "RUN", "r/labels.json": '{"labels": 3}'},
        "evaluate r t.csv",
        "r/labels.json: names no task and labels; restore the file or train again",
    ),
    (
        "broken recipe.json",
        {"r": "RUN", "r/recipe.json": "{]"},
        "evaluate r t.csv",
        (
            "r/recipe.json: cannot be read as JSON (Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)); restore the file or train again"
        ),
    ),
    (
        "recipe.json of other JSON",
        {"r": "RUN", "r/recipe.json": '{"model": "m"}'},
        "evaluate r t.csv",
        ("r/recipe.json: holds no settings of a run ('recipe' is missing); restore the file or train again"),
    ),
    (
        "recipe.json with a wrong value",
        {"r": "RUN", "r/recipe.json": '{"recipe": {}, "seed": -1}'},
        "evaluate r t.csv",
        (
            "r/recipe.json: holds no settings of a run (Argument `seed` must be a whole number >= 0. "
            "Received: seed=-1); restore the file or train again"
        ),
    ),
    (
        "recipe.json with wrong columns",
        {"r": "RUN", "r/recipe.json": '{"recipe": {}, "columns": 3}'},
        "evaluate r t.csv",
        (
            "r/recipe.json: holds no settings of a run ('columns' must name columns of a file. Received: 3); "
            "restore the file or train again"
        ),
    ),
    *(
        (
            f"recipe.json with columns of {changed}",
            {"r": "RUN", "r/recipe.json": json.dumps({"recipe": {}, "columns": {**COLUMNS, **changed}})},
            "evaluate r t.csv",
            f"r/recipe.json: holds no settings of a run ({said % {**COLUMNS, **changed}}); {RESTORE}",
        )
        for said, wrong in {
            "'columns' must name columns of a file. Received: %s": [
                *({"text": value} for value in (None, 5, [1], {"a": 1})),
                *({"text_b": value} for value in (5, [1], {})),
                *({"label_separator": value} for value in ("", 5, [1], True)),
            ],
            "'columns.labels' must be a list of names. Received: %(labels)r": [
                {"labels": value} for value in (None, "label", [], [1])
            ],
        }.items()
        for changed in wrong
    ),
    (
        "recipe.json that says of pairs what is no truth",
        {"r": "RUN", "r/recipe.json": '{"recipe": {}, "pairs": "no"}'},
        "evaluate r t.csv",
        f"r/recipe.json: holds no settings of a run ('pairs' must be true, false or null. Received: 'no'); {RESTORE}",
    ),
    *(
        (
            f"{command} with {file} of {content}"[:90],
            {"r": "RUN", f"r/{file}": content},
            f"{command} r t.csv --out p.csv" if command == "predict" else f"{command} r",
            f"r/{file}: cannot be read as JSON ({said}); {RESTORE}",
        )
        for command, file, content, said in [
            ("predict", "recipe.json", f'{{"recipe": {{"lr_max": {HUGE}}}}}', "it holds a number of 401 digits"),
            ("predict", "recipe.json", "[" * 50_000, NESTED),
            ("predict", "labels.json", r'{"task": "single", "labels": ["x", "\ud800"]}', "it holds half a character"),
            (
                "predict",
                "labels.json",
                f'{{"task": "single", "labels": [1, {HUGE}]}}',
                "it holds a number of 401 digits",
            ),
            ("predict", "labels.json", '{"labels": [1, NaN]}', "it holds NaN, which is no finite number"),
            ("predict", "labels.json", '{"labels": [1, 1e999]}', "it holds 1e999, which is no finite number"),
            ("report", "metrics.json", f'{{"train_test_duplicates": {HUGE}}}', "it holds a number of 401 digits"),
            ("report", "metrics.json", "[" * 50_000, NESTED),
            ("watch", "metrics.json", '{"train_seconds": NaN}', "it holds NaN, which is no finite number"),
            ("watch", "metrics.json", "[" * 50_000, NESTED),
        ]
    ),
    *(
        (
            f"predict with {file} of brackets",
            {"r": "RUN", f"r/{file}": "[" * 50_000},
            "predict r t.csv --out p.csv",
            f"r/{file}: not readable as JSON ({NESTED}): copy the file anew",
        )
        for file in ("tokenizer.json", "model/config.json")
    ),
    (
        "a label named twice",
        {"r": "RUN", "r/labels.json": '{"task": "single", "labels": ["alpha", "alpha"]}'},
        "predict r t.csv --out p.csv",
        f"r/labels.json: names the label 'alpha' twice; {RESTORE}",
    ),
    *(
        (
            f"{task} of {labels} in the place of classes",
            {"r": "RUN", "r/labels.json": json.dumps({"task": task, "labels": labels})},
            "predict r t.csv --out p.csv",
            f"r/labels.json: its task {task!r} and its labels do not fit the task and the columns in recipe.json; "
            f"{RESTORE}",
        )
        for task, labels in [("multilabel", ["x", "y"]), ("regression", ["x", "y"]), ("single", ["x"])]
    ),
    (
        "a run without a model",
        {"r": "RUN", "r/model/config.json": None},
        "evaluate r t.csv",
        "r/model/config.json: the model folder must hold this file: it is missing",
    ),
    (
        "a run without weights",
        {"r": "RUN", "r/model/model.weights.h5": None},
        "evaluate r t.csv",
        "r/model/model.weights.h5: the model folder must hold this file: it is missing",
    ),
    (
        "a run with truncated weights",
        {"r": "RUN", "r/model/model.weights.h5": 3000},
        "evaluate r t.csv",
        (
            "r/model/model.weights.h5: not readable as HDF5 (Unable to synchronously open file "
            "(truncated file: eof = 3000, sblock->base_addr = 0, stored_eof = 10048)): copy the file anew"
        ),
    ),
    (
        "a run without its tokenizer",
        {"r": "RUN", "r/tokenizer.json": None},
        "evaluate r t.csv",
        (
            "r: the model folder must hold a tokenizer (tokenizer.json, vocab.txt, vocab.json with "
            "merges.txt, or a SentencePiece model): found none of them"
        ),
    ),
    (
        "a run with a broken tokenizer",
        {"r": "RUN", "r/tokenizer.json": "{"},
        "evaluate r t.csv",
        (
            "r/tokenizer.json: not readable as JSON (Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)): copy the file anew"
        ),
    ),
    (
        "thresholds of other labels",
        {"r": "RUN", "r/labels.json": '{"task": "multilabel", "labels": ["x", "y"], "thresholds": [0.5]}'},
        "predict r t.csv --out p.csv",
        "r/labels.json: must have one threshold in [0, 1] for each label; restore the file or train again",
    ),
]
