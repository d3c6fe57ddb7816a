"""Recipes that are refused: unknown, not a recipe.json, or one whose settings have wrong values."""

from dataclasses import fields

from refusal_cases import HUGE, NESTED, RECIPES, TRAIN

from slanted.recipe.recipe import Recipe

SETTINGS = ", ".join(setting.name for setting in fields(Recipe))
IN_UTF_8, FACTORS = "a text that UTF-8 can hold", "an object of layer groups and their factors"
# the name of a recipe's setting, its value in JSON, the rule, its value in Python
WRONG_SETTINGS = [
    ("name", "5", IN_UTF_8, "5"),
    ("name", "null", IN_UTF_8, "None"),
    ("name", r'"\ud800"', IN_UTF_8, r"'\ud800'"),
    ("source", "[1]", IN_UTF_8, "[1]"),
    ("notes", "{}", IN_UTF_8, "{}"),
    ("epochs", "null", "a whole number >= 1", "None"),
    ("lr_max", HUGE, "in (0, 1]", HUGE),
    ("lr_max", '"1e-3"', "in (0, 1]", "'1e-3'"),
    ("lr_max", "true", "in (0, 1]", "True"),
    ("layer_decay", HUGE, "in (0, 1]", HUGE),
    ("ratio", HUGE, "a finite number >= 1", HUGE),
    ("cut_frac", -HUGE, "in [0, 1]", -HUGE),
    ("multipliers", "[1]", FACTORS, "[1]"),
    ("multipliers", '"x"', FACTORS, "'x'"),
    ("no_weight_decay", '"bias"', "a list of regular expressions", "'bias'"),
    ("no_weight_decay", r'["\ud800"]', "a list of regular expressions", r"('\ud800',)"),
    ("freeze", "5", "a list of names of layer groups", "5"),
    ("freeze", '{"head": 1}', "a list of names of layer groups", "{'head': 1}"),
    ("unfreeze_at", '"01"', "a list of whole numbers", "'01'"),
]

ROWS = [
    (
        "recipe.json that names a curve of one's own",
        {"r.json": '{"recipe": {"curve": "mine:Root"}}', "mine.py": "raise SystemExit(1)"},
        f"{TRAIN} --recipe r.json",
        (
            "--recipe r.json: code that only a file names, here the curve mine:Root, is not imported; "
            "add --curve with the curve's MODULE:CLASS"
        ),
    ),
    (
        "recipe.json with no curve's name",
        {"r.json": '{"recipe": {"curve": "a b:c"}}'},
        f"{TRAIN} --recipe r.json",
        (
            "r.json: not a recipe that `slanted train` wrote (Argument `curve` must be one of slanted-triangular, "
            "linear, cosine, one-cycle, warmup-stable-decay, constant, or a curve of your own, MODULE:CLASS. Received: "
            "curve='a b:c'); give its recipe.json"
        ),
    ),
    (
        "unknown recipe",
        {},
        f"{TRAIN} --recipe slow",
        f"--recipe slow: there is no such recipe or file. Recipes are: {RECIPES}",
    ),
    (
        "recipe of no JSON",
        {"r.json": "{"},
        f"{TRAIN} --recipe r.json",
        (
            "r.json: not a recipe that `slanted train` wrote (Expecting property name enclosed in double "
            "quotes: line 1 column 2 (char 1)); give its recipe.json"
        ),
    ),
    (
        "recipe of other JSON",
        {"r.json": "[]"},
        f"{TRAIN} --recipe r.json",
        "r.json: not a recipe that `slanted train` wrote (it is not a JSON object); give its recipe.json",
    ),
    (
        "recipe without rates",
        {"r.json": '{"model": "minilm"}'},
        f"{TRAIN} --recipe r.json",
        "r.json: not a recipe that `slanted train` wrote ('recipe' is missing); give its recipe.json",
    ),
    (
        "recipe with an unknown setting",
        {"r.json": '{"recipe": {"speed": 3}}'},
        f"{TRAIN} --recipe r.json",
        (
            "r.json: not a recipe that `slanted train` wrote (recipe 'own': there is no setting 'speed'. "
            f"Settings are: {SETTINGS}); give its recipe.json"
        ),
    ),
    (
        "recipe with a wrong value",
        {"r.json": '{"recipe": {"epochs": "many"}}'},
        f"{TRAIN} --recipe r.json",
        (
            "r.json: not a recipe that `slanted train` wrote (Argument `epochs` must be a whole number "
            ">= 1. Received: epochs='many'); give its recipe.json"
        ),
    ),
    (
        "recipe with a wrong model",
        {"r.json": '{"recipe": {}, "model": 3}'},
        f"{TRAIN} --recipe r.json",
        (
            "r.json: not a recipe that `slanted train` wrote (Argument `model` must be a name or a "
            "folder, in UTF-8. Received: model=3); give its recipe.json"
        ),
    ),
    *(
        (
            f"recipe of {content}"[:60],
            {"r.json": content},
            f"{TRAIN} --recipe r.json",
            f"r.json: not a recipe that `slanted train` wrote ({said}); give its recipe.json",
        )
        for content, said in {
            "[" * 100_000: NESTED,
            '{"recipe": null}': "a recipe must be an object of settings. Received: None",
            '{"recipe": [1]}': "a recipe must be an object of settings. Received: [1]",
            '{"recipe": "x"}': "a recipe must be an object of settings. Received: 'x'",
            **{
                f'{{"recipe": {{"{name}": {value}}}}}': f"Argument `{name}` must be {rule}. Received: {name}={received}"
                for name, value, rule, received in WRONG_SETTINGS
            },
        }.items()
    ),
]
