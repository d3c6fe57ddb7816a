"""What `slanted export` refuses before it converts anything."""

ROWS = [
    (
        "export without a run",
        {},
        "export none --format keras --out e",
        "none: there is no such folder; give the folder of `slanted train --out`",
    ),
    (
        "export of a folder that holds no run",
        {"r/notes.txt": "a"},
        "export r --format keras --out e",
        "r: is not a finished run, recipe.json is missing; train one first",
    ),
    (
        "export of a run without labels.json",
        {"r": "RUN", "r/labels.json": None},
        "export r --format keras --out e",
        "r: is not a finished run, labels.json is missing; train one first",
    ),
    (
        "export to a folder of somebody else",
        {"r": "RUN", "e/mine.txt": "a", "e/more.txt": "b"},
        "export r --format keras --out e",
        "--out e: holds 2 files already; give a folder that does not exist",
    ),
    (
        "export to a file",
        {"r": "RUN"},
        "export r --format keras --out t.csv",
        "--out t.csv: is a file; give a folder",
    ),
    (
        "export into the run",
        {"r": "RUN"},
        "export r --format keras --out r/e",
        "--out r/e: is within the run r; give a folder outside of it",
    ),
    (
        "an unknown format",
        {"r": "RUN"},
        "export r --format tflite --out e",
        "--format: invalid choice: 'tflite' (choose from 'hf', 'onnx', 'onnx-int8', 'openvino', 'litert', "
        "'saved-model', 'keras'); see slanted export --help",
    ),
    (
        "points that are no number",
        {"r": "RUN"},
        "export r --format keras --out e --allow-drop much",
        "--allow-drop: 'much' must be a number of points, such as 0.5; see slanted export --help",
    ),
    (
        "negative points",
        {"r": "RUN"},
        "export r --format keras --out e --allow-drop -1",
        "--allow-drop -1: must be a number of points from 0 to 100; give 0.5, for instance",
    ),
    (
        "rows for no check",
        {"r": "RUN"},
        "export r --format keras --out e --unchecked --test t.csv",
        "--unchecked: --test has rows for a check; leave one of the two out",
    ),
    (
        "no rows for the check",
        {"r": "RUN"},
        "export r --format keras --out e",
        "r: recipe.json names no files, as of a model from Python; give --test FILE, or --unchecked to export without "
        "a check",
    ),
]
