"""Comparisons that are refused: for their recipes, rates, scores, rows or folder."""

from refusal_cases import COMPARE, COMPARED, GOOD, RECIPES

from slanted.common.setting_fields import setting_fields
from slanted.recipe.recipe import Recipe

NAMES = [f.name for f in setting_fields(Recipe) if f.name != "lr_max"]  # which is called lr there
OF_RUN = ("batch_size", "max_tokens", "long", "pooling", "class_weight", "calibrate", "average")
RATE_SETTINGS = ", ".join((*NAMES, *OF_RUN))

ROWS = [
    (
        "compare without recipes",
        {},
        "compare t.csv --out o",
        "the following arguments are required: --recipes; see slanted compare --help",
    ),
    (
        "one recipe",
        {},
        f"{COMPARE} --recipes stlr",
        "--recipes 'stlr': must name at least two recipes, such as constant,stlr",
    ),
    ("a recipe twice", {}, f"{COMPARE} --recipes stlr,stlr", "--recipes: stlr is named twice; name it once"),
    (
        "unknown recipe to compare",
        {},
        f"{COMPARE} --recipes stlr,fast",
        f"--recipes fast: there is no such recipe or file. Recipes are: {RECIPES}",
    ),
    (
        "unknown setting of a recipe",
        {},
        f"{COMPARE} --recipes stlr,stlr:speed=2",
        f"--recipes stlr:speed=2: 'speed=2' is not a SETTING=VALUE of a variant. Settings are: lr, {RATE_SETTINGS}",
    ),
    (
        "words for a setting of a recipe",
        {},
        f"{COMPARE} --recipes stlr,stlr:epochs=many",
        "--recipes stlr:epochs=many: epochs: must be a number, not 'many'",
    ),
    (
        "setting of a recipe out of its range",
        {},
        f"{COMPARE} --recipes stlr,stlr:layer_decay=0",
        "--recipes stlr:layer_decay=0: layer_decay 0.0 must be in (0, 1]; see slanted compare --help",
    ),
    (
        "words for rates",
        {},
        f"{COMPARED} --lr fast",
        "--lr 'fast': must be rates such as 1e-4,3e-4, or multiples of their own such as x1,x3",
    ),
    (
        "one rate of several above 1",
        {},
        f"{COMPARED} --lr 1e-4,2",
        "--lr 2: must be in (0, 1], or a multiple such as x3, at most x1000; give another",
    ),
    ("a rate twice", {}, f"{COMPARED} --lr 1e-4,0.0001", "--lr '1e-4,0.0001': must name each rate once"),
    ("no seeds", {}, f"{COMPARED} --seeds 0", "--seeds 0: must be a whole number >= 1; see slanted compare --help"),
    (
        "unknown score to compare",
        {},
        f"{COMPARED} --score luck",
        "--score luck: must be a score of this task: loss, accuracy, macro_f1, micro_f1, f1, matthews, roc_auc, "
        "average_precision; see slanted compare --help",
    ),
    (
        "nothing to score",
        {},
        f"{COMPARED} --valid-share 0",
        "--valid-share 0.0: there are no rows to score; give --valid, --test or a share above 0",
    ),
    (
        "nothing to choose a rate by",
        {"test.csv": GOOD},
        f"{COMPARED} --valid-share 0 --test test.csv --lr 1e-4,3e-4",
        "--lr: choosing from several rates needs validation rows; give --valid or a --valid-share above 0",
    ),
    (
        "folds to compare",
        {},
        f"{COMPARED} --folds 5",
        "--folds 5: compare splits the rows by seed, not into folds; leave it out",
    ),
    (
        "standard input to compare",
        {},
        "compare - --out o --recipes constant,stlr",
        "standard input: compare reads the rows once for each seed; save them to a file and give its path",
    ),
    (
        "comparison into a file",
        {"p": "x"},
        "compare t.csv --out p --recipes constant,stlr",
        "--out p: is a file; give a folder",
    ),
    (
        "comparison under a file",
        {"g": "x"},
        "compare t.csv --out g/o --recipes constant,stlr",
        "--out g/o: g is a file; give another folder",
    ),
    (
        "comparison into somebody's folder",
        {"o/notes.txt": "x"},
        COMPARED,
        "--out o: holds 'notes.txt', which is not a comparison's; give a new or empty folder",
    ),
    (
        "comparison into a run",
        {"o": "RUN"},
        COMPARED,
        "--out o: holds 'labels.json', which is not a comparison's; give a new or empty folder",
    ),
    (
        "broken comparison",
        {"o/compare.json": "{"},
        COMPARED,
        "o/compare.json: cannot be read as JSON (Expecting property name enclosed in double quotes: line 1 column 2 "
        "(char 1)); restore the file or train again",
    ),
    (
        "comparison of nothing known",
        {"o/compare.json": "{}"},
        COMPARED,
        "o/compare.json: does not record what was compared; give another --out, or --overwrite to start again",
    ),
    (
        "JSON and JSON lines",
        {},
        f"{COMPARED} --json --json-lines",
        "--json-lines: cannot be combined with --json; give one of them",
    ),
]
