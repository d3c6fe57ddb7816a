"""Places to write that are refused: files and folders of others, paths that no file system takes."""

from refusal_cases import COMPARE, LOOP, TRAIN

TOO_LONG = "this path, or a name in it, is too long; give a shorter one"

ROWS = [
    ("a file in its place", {"o": "mine"}, TRAIN, "--out o: is a file; give a folder"),
    ("a file on the way", {"o": "mine"}, "train t.csv --out o/p", "--out o/p: o is a file; give another folder"),
    (
        "a finished run",
        {"o": "RUN"},
        TRAIN,
        "--out o: contains a run; give another folder, or --overwrite to replace it",
    ),
    (
        "a wrong file where a run would be replaced",
        {"o": "RUN", "t.csv": "text,label\n,x\n"},
        f"{TRAIN} --overwrite",
        "t.csv, line 2: column 'text' is empty; fill it in or remove the row",
    ),
    *(
        (
            f"a run that was started with {content}",
            {"o": "RUN", "o/recipe.json": content},
            f"{TRAIN} --resume",
            f"o/recipe.json: does not say what the run was started with ({said}); start again with --overwrite",
        )
        for content, said in {
            "[]": "no object",
            '{"files": 5}': "no usable 'files'",
            '{"files": {}, "sha256": {}, "recipe": null}': "no usable 'recipe'",
            '{"files": {}, "sha256": {}, "recipe": {}, "model": "m", "precision": "float32"}': "no usable 'backend'",
            '{"files": {}, "sha256": {}, "recipe": {}, "model": "m", "precision": "float32", "backend": "jax"}': (
                "no usable 'name'"
            ),
        }.items()
    ),
    (
        "something else's files",
        {"o/notes.txt": "mine"},
        f"{TRAIN} --overwrite",
        "--out o: holds 'notes.txt', which is not a run's; give a new or empty folder",
    ),
    (
        "TensorBoard under a file",
        {"f": "x"},
        f"{TRAIN} --tensorboard f/logs",
        "--tensorboard f/logs: f is a file; give another folder",
    ),
    ("a long name to train into", {}, f"train t.csv --out {'o' * 300}", f"{'o' * 300}/.replaced: {TOO_LONG}"),
    ("a long name of a model", {}, f"{TRAIN} --model {'m' * 300}", f"{'m' * 300}: {TOO_LONG}"),
    ("a long name of a recipe", {}, f"{TRAIN} --recipe {'r' * 300}", f"{'r' * 300}: {TOO_LONG}"),
    ("a long name for TensorBoard", {}, f"{TRAIN} --tensorboard {'t' * 300}", f"{'t' * 300}: {TOO_LONG}"),
    (
        "a long name of a comparison",
        {},
        f"compare t.csv --out {'o' * 300} --recipes constant,stlr",
        f"{'o' * 300}: {TOO_LONG}",
    ),
    ("a long name of a recipe to compare", {}, f"{COMPARE} --recipes stlr,{'r' * 300}", f"{'r' * 300}: {TOO_LONG}"),
    ("a long name of a picture", {}, f"plan t.csv --picture {'p' * 300}.png", f"{'p' * 300}.png: {TOO_LONG}"),
    ("a long name to report", {}, f"report {'r' * 300}", f"{'r' * 300}/.replaced: {TOO_LONG}"),
    ("a long name to watch", {}, f"watch {'r' * 300}", f"{'r' * 300}: {TOO_LONG}"),
    ("a long name to evaluate", {}, f"evaluate {'r' * 300} t.csv", f"{'r' * 300}: {TOO_LONG}"),
    ("a long name to predict with", {}, f"predict {'r' * 300} t.csv --out p.csv", f"{'r' * 300}: {TOO_LONG}"),
    (
        "a long name to predict into",
        {"r": "RUN"},
        f"predict r t.csv --out {'p' * 300}.csv",
        f"{'p' * 300}.csv: {TOO_LONG}",
    ),
    (
        "predict into a link to itself",
        {"r": "RUN", "loop.csv": LOOP},
        "predict r t.csv --out loop.csv",
        "--out loop.csv: is a link that leads back to itself; give another file",
    ),
    (
        "a picture in a folder's place",
        {"p.png/": ""},
        "plan t.csv --picture p.png",
        "--picture p.png: is a folder; give the file to draw",
    ),
]
