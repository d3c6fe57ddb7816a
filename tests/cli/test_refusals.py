"""Every input that the command line refuses, with its whole message; and what it accepts and gives back unchanged."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import tiny
from odd_texts import TEXTS

from slanted.cli import main
from slanted.common import atomic_files
from slanted.recipe.named import recipes
from slanted.recipe.recipe import Recipe
from slanted.text.pretrained import model_files
from slanted.text.runs import run_folder
from slanted.text.runs.run_data import DataFiles, read_data
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

GOOD = "text,label\na,x\nb,y\nc,x\nd,y\n"

TRAIN = "train t.csv --out o"
RECIPES = ", ".join(recipes())
COMPARE, COMPARED = "compare t.csv --out o", "compare t.csv --out o --recipes constant,stlr"
RATE_SETTINGS = ", ".join(setting.name for setting in fields(Recipe) if setting.metadata.get("help"))
SETTINGS = ", ".join(setting.name for setting in fields(Recipe))
LOOP = object()
HUGE = 10**400
IN_UTF_8, FACTORS = "a text that UTF-8 can hold", "an object of layer groups and their factors"
RESTORE, NESTED = "restore the file or train again", "it is nested too deeply"
COLUMNS = {"text": "text", "text_b": None, "labels": ["label"], "label_separator": None}
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
TOO_LONG = "this path, or a name in it, is too long; give a shorter one"
# name; files beside t.csv, which holds GOOD unless it is given; the command line; what follows "error: "
REFUSED = [
    # the options
    ("no command", {}, "", "the following arguments are required: COMMAND; see slanted --help"),
    ("no folder", {}, "train t.csv", "the following arguments are required: --out; see slanted train --help"),
    ("unknown option", {}, f"{TRAIN} --epoch 3", "unknown option --epoch 3; see slanted --help"),
    (
        "an option without its value",
        {},
        f"{TRAIN} --epochs",
        "--epochs: expected one argument; see slanted train --help",
    ),
    (
        "words for a whole number",
        {},
        f"{TRAIN} --epochs three",
        "--epochs: must be a whole number, not 'three'; see slanted train --help",
    ),
    (
        "a fraction for a whole number",
        {},
        f"{TRAIN} --batch-size 1.5",
        "--batch-size: must be a whole number, not '1.5'; see slanted train --help",
    ),
    ("words for a number", {}, f"{TRAIN} --lr fast", "--lr: must be a number, not 'fast'; see slanted train --help"),
    (
        "resume from standard input",
        {},
        "train - --out o --resume",
        "--resume: standard input cannot be read again; save it to a file and give that",
    ),
    (
        "checkpoints every no step",
        {},
        f"{TRAIN} --checkpoint-steps 0",
        "--checkpoint-steps 0: must be a whole number >= 1; see slanted train --help",
    ),
    (
        "checkpoints every no second",
        {},
        f"{TRAIN} --checkpoint-seconds 0",
        "--checkpoint-seconds 0.0: must be a finite number > 0; see slanted train --help",
    ),
    ("zero epochs", {}, f"{TRAIN} --epochs 0", "--epochs 0: must be a whole number >= 1; see slanted train --help"),
    (
        "zero batch size",
        {},
        f"{TRAIN} --batch-size 0",
        "--batch-size 0: must be a whole number >= 1; see slanted train --help",
    ),
    (
        "zero accumulation",
        {},
        f"{TRAIN} --gradient-accumulation 0",
        "--gradient-accumulation 0: must be a whole number >= 1; see slanted train --help",
    ),
    ("rate of zero", {}, f"{TRAIN} --lr 0", "--lr 0.0: must be in (0, 1]; see slanted train --help"),
    ("rate above 1", {}, f"{TRAIN} --lr 1.5", "--lr 1.5: must be in (0, 1]; see slanted train --help"),
    ("negative rate", {}, f"{TRAIN} --lr -0.1", "--lr -0.1: must be in (0, 1]; see slanted train --help"),
    ("rate that is no number", {}, f"{TRAIN} --lr nan", "--lr nan: must be in (0, 1]; see slanted train --help"),
    (
        "layer decay of zero",
        {},
        f"{TRAIN} --layer-decay 0",
        "--layer-decay 0.0: must be in (0, 1]; see slanted train --help",
    ),
    (
        "ratio under 1",
        {},
        f"{TRAIN} --ratio 0.5",
        "--ratio 0.5: must be a finite number >= 1; see slanted train --help",
    ),
    ("cut over 1", {}, f"{TRAIN} --cut-frac 2", "--cut-frac 2.0: must be in [0, 1]; see slanted train --help"),
    (
        "negative clipping",
        {},
        f"{TRAIN} --clip-norm -1",
        "--clip-norm -1.0: must be a finite number >= 0; see slanted train --help",
    ),
    (
        "negative decay",
        {},
        f"{TRAIN} --weight-decay -1",
        "--weight-decay -1.0: must be a finite number >= 0; see slanted train --help",
    ),
    (
        "infinite decay",
        {},
        f"{TRAIN} --weight-decay inf",
        "--weight-decay inf: must be a finite number >= 0; see slanted train --help",
    ),
    (
        "steps of no search",
        {},
        "find-lr t.csv --steps 0",
        "--steps 0: must be a whole number >= 20; see slanted find-lr --help",
    ),
    ("negative seed", {}, f"{TRAIN} --seed -1", "--seed -1: must be a whole number >= 0; see slanted train --help"),
    ("whole share", {}, f"{TRAIN} --valid-share 1", "--valid-share 1.0: must be below 1; 0 trains on all rows"),
    ("share above 1", {}, f"{TRAIN} --valid-share 2", "--valid-share 2.0: must be in [0, 1]; see slanted train --help"),
    ("one fold", {}, f"{TRAIN} --folds 1", "--folds 1: must be a whole number >= 2; see slanted train --help"),
    ("many folds", {}, f"{TRAIN} --folds 101", "--folds 101: must be at most 100; see slanted train --help"),
    (
        "more folds than rows",
        {},
        f"{TRAIN} --folds 5",
        "--folds 5: must be at most the 4 training rows, of 4 or more; see slanted train --help",
    ),
    (
        "a class with too few rows for the folds",
        {},
        f"{TRAIN} --folds 3",
        "t.csv, line 2: label 'x' has 2 rows, of which --folds 3 leaves 1 to train and validate on; "
        "add rows of it, or leave the label out",
    ),
    (
        "folds and a validation file",
        {},
        f"{TRAIN} --folds 2 --valid t.csv",
        "--folds 2: each fold holds out rows of the training file, --valid t.csv would hold out others; "
        "leave one of the two out",
    ),
    (
        "folds whose validation rows do not define the score",
        {"t.csv": "text,p,q\n" + "a,0,1\n" * 9 + "b,1,0\n"},
        f"{TRAIN} --folds 2 --best-by average_precision",
        "--best-by average_precision: must be a score that the validation rows define: they lack a class, "
        "or do not differ; add validation rows, or keep the epoch by loss",
    ),
    (
        "unknown manner for long texts",
        {},
        f"{TRAIN} --long split",
        "--long split: must be one of truncate, chunk; see slanted train --help",
    ),
    (
        "chunks of pairs",
        {"t.csv": "text,text_b,label\na,b,x\na,c,y\na,d,x\na,e,y\n"},
        f"{TRAIN} --long chunk",
        "--long chunk: must be truncate where the texts are pairs; leave it out",
    ),
    (
        "unknown class weight",
        {},
        f"{TRAIN} --class-weight even",
        "--class-weight even: must be one of none, balanced; see slanted train --help",
    ),
    (
        "class weights of numbers",
        {"t.csv": "text,label\na,0.5\nb,1.5\nc,2.5\n"},
        f"{TRAIN} --class-weight balanced",
        "--class-weight balanced: must be left out for regression, which has no classes; see slanted train --help",
    ),
    (
        "two tokens",
        {},
        f"{TRAIN} --max-tokens 2",
        "--max-tokens 2: must be a whole number >= 3; see slanted train --help",
    ),
    (
        "unknown task",
        {},
        f"{TRAIN} --task many",
        ("--task many: must be one of auto, single, multilabel, regression; see slanted train --help"),
    ),
    (
        "unknown backend",
        {},
        f"{TRAIN} --backend theano",
        ("--backend theano: must be one of auto, tensorflow, jax, torch; see slanted train --help"),
    ),
    (
        "unknown precision",
        {},
        f"{TRAIN} --precision float8",
        ("--precision float8: must be one of auto, float32, mixed_bfloat16, mixed_float16; see slanted train --help"),
    ),
    (
        "unknown score",
        {},
        f"{TRAIN} --best-by luck",
        (
            "--best-by luck: must be one of loss, accuracy, macro_f1, micro_f1, f1, matthews, roc_auc, "
            "average_precision, pearson, spearman, mae; see slanted train --help"
        ),
    ),
    (
        "unknown optimizer",
        {},
        f"{TRAIN} --optimizer best",
        ("--optimizer best: must be one of adamw, adam, sgd, rmsprop, lion, adafactor; see slanted train --help"),
    ),
    (
        "unknown curve",
        {},
        f"{TRAIN} --curve flat",
        (
            "--curve flat: must be one of slanted-triangular, linear, cosine, one-cycle, "
            "warmup-stable-decay, constant; see slanted train --help"
        ),
    ),
    (
        "unknown truncation",
        {},
        f"{TRAIN} --truncate middle",
        "--truncate middle: must be one of head, tail, head+tail; see slanted train --help",
    ),
    (
        "unknown encoding",
        {},
        f"{TRAIN} --encoding utf8000",
        "--encoding 'utf8000' is unknown; give one such as utf-8, utf-16, cp1252 or shift_jis",
    ),
    (
        "an encoding of domain names",
        {},
        f"{TRAIN} --encoding Punycode",
        "--encoding 'Punycode' is one of domain names, not of files; "
        "give one such as utf-8, utf-16, cp1252 or shift_jis",
    ),
    # the recipe
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
        "r.json: not a recipe that `slanted train` wrote (it is no JSON object); give its recipe.json",
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
    # the training file as a whole
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
    # its columns
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
    # its rows
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
    (
        "one class",
        {"t.csv": "text,label\na,x\nb,x\n"},
        TRAIN,
        ("t.csv: every row has the label 'x'; classes need two labels at least: add rows of another"),
    ),
    (
        "a class of one row",
        {"t.csv": "text,label\na,x\nb,y\nc,x\n"},
        TRAIN,
        (
            "t.csv, line 3: label 'y' has this row only, none to hold out for validation; add rows of "
            "it, or give --valid or --valid-share 0"
        ),
    ),
    (
        "labels that differ in case",
        {"t.csv": "text,label\na,spam\nb,Spam\n"},
        TRAIN,
        (
            "t.csv: labels 'Spam' (line 3) and 'spam' (line 2) differ only in case or spaces; spell them "
            "alike, or rename one"
        ),
    ),
    (
        "labels that differ in spaces",
        {"t.csv": "text,label\na,spam\nb,spam \n"},
        TRAIN,
        (
            "t.csv: labels 'spam' (line 2) and 'spam ' (line 3) differ only in case or spaces; spell "
            "them alike, or rename one"
        ),
    ),
    (
        "names for regression",
        {},
        f"{TRAIN} --task regression",
        (
            "t.csv, line 2: column 'label' holds 'x', which is no finite number, as regression needs; "
            "correct it, or if the labels are names give --task single"
        ),
    ),
    (
        "several label columns for classes",
        {"t.csv": "text,a,b\nt,0,1\nu,1,0\n"},
        f"{TRAIN} --label a b --task single",
        "t.csv: --task single takes one label column, not 2; keep one of 'a', 'b'",
    ),
    # options that do not fit the labels
    (
        "positive of no label",
        {},
        f"{TRAIN} --positive z",
        "--positive z: must be one of the labels 'x', 'y'; see slanted train --help",
    ),
    (
        "positive of three classes",
        {"t.csv": "text,label\na,x\nb,y\nc,z\n"},
        f"{TRAIN} --positive z",
        "--positive z: must be left out unless there are two classes; see slanted train --help",
    ),
    (
        "f1 of three classes",
        {"t.csv": "text,label\na,x\nb,y\nc,z\n"},
        f"{TRAIN} --best-by f1",
        (
            "--best-by f1: must be a score of this task: loss, accuracy, macro_f1, micro_f1, matthews, "
            "roc_auc, average_precision; see slanted train --help"
        ),
    ),
    (
        "a correlation of classes",
        {},
        f"{TRAIN} --best-by pearson",
        (
            "--best-by pearson: must be a score of this task: loss, accuracy, macro_f1, micro_f1, f1, "
            "matthews, roc_auc, average_precision; see slanted train --help"
        ),
    ),
    (
        "a score that validation leaves undefined",
        {"v.csv": "text,label\na,x\n"},
        f"{TRAIN} --valid v.csv --best-by matthews",
        (
            "--best-by matthews: must be a score that the validation rows define: they lack a class, or "
            "do not differ; add validation rows, or keep the epoch by loss"
        ),
    ),
    # the files for validation and test
    ("missing validation file", {}, f"{TRAIN} --valid none.csv", "none.csv: no such file; check the path"),
    ("missing test file", {}, f"{TRAIN} --test nope.csv", "nope.csv: no such file; check the path"),
    (
        "test without labels",
        {"e.csv": "text\na\n"},
        f"{TRAIN} --test e.csv",
        (
            "e.csv: no column 'label', which the training data has; the columns are 'text'; add it; rows "
            "without labels go to `slanted predict`"
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
    # the model
    (
        "missing model folder",
        {},
        f"{TRAIN} --model ./none",
        f"./none: the model folder does not exist: {model_files.GIVE}",
    ),
    (
        "the folder itself as the model",
        {},
        f"{TRAIN} --model .",
        f"config.json: the model folder must hold this file: it is missing: {model_files.GIVE}",
    ),
    (
        "a file above as the model",
        {},
        f"{TRAIN} --model ../../none/model",
        f"../../none/model: the model folder does not exist: {model_files.GIVE}",
    ),
    (
        "a model that is a file",
        {},
        f"{TRAIN} --model t.csv",
        "t.csv: a model must be a folder or a preset's name: this is a file",
    ),
    (
        "an empty model folder",
        {"m/": ""},
        f"{TRAIN} --model ./m",
        f"m/config.json: the model folder must hold this file: it is missing: {model_files.GIVE}",
    ),
    (
        "a model without weights",
        {"m": "MODEL", "m/model.safetensors": None},
        f"{TRAIN} --model m",
        "m/model.safetensors: the model folder must hold this file: it is missing",
    ),
    (
        "truncated weights",
        {"m": "MODEL", "m/model.safetensors": 5000},
        f"{TRAIN} --model m",
        "m/model.safetensors: 63208 bytes expected, 5000 found: copy the file anew",
    ),
    (
        "weights that are none",
        {"m": "MODEL", "m/model.safetensors": "weights"},
        f"{TRAIN} --model m",
        "m/model.safetensors: not a safetensors file, or cut short: copy the file anew",
    ),
    (
        "a pickle",
        {"m": "MODEL", "m/model.safetensors": None, "m/pytorch_model.bin": "x"},
        f"{TRAIN} --model m",
        (
            "m: slanted loads no pickles: save the model as safetensors (save_pretrained of transformers "
            "does): found no model.safetensors"
        ),
    ),
    (
        "broken configuration",
        {"m": "MODEL", "m/config.json": "{"},
        f"{TRAIN} --model m",
        (
            "m/config.json: not readable as JSON (Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)): copy the file anew"
        ),
    ),
    (
        "a configuration of nothing",
        {"m": "MODEL", "m/config.json": "{}"},
        f"{TRAIN} --model m",
        (
            "m/config.json: it must name a `model_type`, as transformers does, or a `registered_name`, "
            "as KerasHub does: found neither"
        ),
    ),
    (
        "a configuration whose settings are none",
        {"m": "MODEL", "m/config.json": '{"registered_name": "keras_hub>BertBackbone", "config": 5}'},
        f"{TRAIN} --model m",
        "m/config.json: its `config` must be an object: found 5: copy the file anew",
    ),
    (
        "more tokens than the model takes",
        {"m": "MODEL"},
        f"{TRAIN} --model m --max-tokens 65",
        "--max-tokens 65: must be at most 64, the most that m takes; see slanted train --help",
    ),
    # the folder to make
    ("a file in its place", {"o": "mine"}, TRAIN, "--out o: is a file; give a folder"),
    ("a file on the way", {"o": "mine"}, "train t.csv --out o/p", "--out o/p: o is a file; give another folder"),
    ("a finished run", {"o": "RUN"}, TRAIN, "--out o: holds a run; give another folder, or --overwrite to replace it"),
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
    # compare and watch
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
        "--recipes 'stlr': must name two recipes at least, such as constant,stlr",
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
        f"--recipes stlr:speed=2: 'speed=2' is no SETTING=VALUE of a recipe. Settings are: lr, {RATE_SETTINGS}",
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
        "--lr 'fast': must be rates such as 1e-4,3e-4, or multiples of the recipes' such as x1,x3",
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
        "--valid-share 0.0: leaves compare no rows to score; give --valid, --test or a share above 0",
    ),
    (
        "nothing to choose a rate by",
        {"test.csv": GOOD},
        f"{COMPARED} --valid-share 0 --test test.csv --lr 1e-4,3e-4",
        "--lr: several rates need validation rows to choose by; give --valid or a --valid-share over 0",
    ),
    (
        "folds to compare",
        {},
        f"{COMPARED} --folds 5",
        "--folds 5: compare holds rows out by seed; leave it out",
    ),
    (
        "standard input to compare",
        {},
        "compare - --out o --recipes constant,stlr",
        "standard input: compare reads the rows once for each seed; save them to a file and give that",
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
        "o/compare.json: does not say what was compared; give another --out, or --overwrite to start again",
    ),
    (
        "quiet and JSON lines",
        {},
        f"{TRAIN} --quiet --json-lines",
        "--json-lines: not allowed with argument --quiet; see slanted train --help",
    ),
    (
        "JSON and JSON lines",
        {},
        f"{COMPARED} --json --json-lines",
        "--json-lines: is not for use with --json; give one of them",
    ),
    (
        "TensorBoard under a file",
        {"f": "x"},
        f"{TRAIN} --tensorboard f/logs",
        "--tensorboard f/logs: f is a file; give another folder",
    ),
    (
        "nothing to watch",
        {"r/": ""},
        "watch r",
        "r: holds no run that is going on or finished; give what `slanted train --out` names",
    ),
    (
        "a broken run to watch",
        {"r": "RUN", "r/metrics.json": "{"},
        "watch r",
        "r/metrics.json: cannot be read as JSON (Expecting property name enclosed in double quotes: line 1 column 2 "
        "(char 1)); restore the file or train again",
    ),
    # evaluate and predict
    ("report of no folder", {}, "report none", "none: there is no such folder; give what `slanted train --out` named"),
    (
        "report of a folder that holds no run",
        {"r/notes.txt": "a"},
        "report r",
        "r: is not a finished run, metrics.json is missing; train one first",
    ),
    ("report of a file", {}, "report t.csv", "t.csv: there is no such folder; give what `slanted train --out` named"),
    (
        "evaluate without a run",
        {},
        "evaluate none t.csv",
        "none: there is no such folder; give what `slanted train --out` named",
    ),
    (
        "evaluate on a file",
        {},
        "evaluate t.csv t.csv",
        "t.csv: there is no such folder; give what `slanted train --out` named",
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
        "evaluate without labels",
        {"r": "RUN", "e.csv": "text,kind\na,x\n"},
        "evaluate r e.csv",
        (
            "e.csv: no column 'label', which the training data has; the columns are 'text', 'kind'; add "
            "it; rows without labels go to `slanted predict`"
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
        "rename the label column to 'label'; the columns are 'text', 'kind'",
    ),
    (
        "evaluate what Python saved without texts",
        {"r": "RUN", "r/recipe.json": '{"recipe": {}}', "e.csv": "body,kind\na,x\n"},
        "evaluate r e.csv",
        "e.csv: no column 'text', and 2 others hold text; name the text column with --text "
        "and rename the label column to 'label'; the columns are 'body', 'kind'",
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
        "--out r: is a folder; give the CSV file to write",
    ),
    (
        "predict into no folder",
        {"r": "RUN"},
        "predict r t.csv --out d/p.csv",
        "--out d/p.csv: there is no folder d; make it first",
    ),
    (
        "predict over the texts",
        {"r": "RUN"},
        "predict r t.csv --out ./t.csv",
        "--out t.csv: is the file to predict, which it would replace; give another file",
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
        "thresholds of other labels",
        {"r": "RUN", "r/labels.json": '{"task": "multilabel", "labels": ["x", "y"], "thresholds": [0.5]}'},
        "predict r t.csv --out p.csv",
        "r/labels.json: must have one threshold in [0, 1] for each label; restore the file or train again",
    ),
    # names that no file system takes
    ("a long name to train into", {}, f"train t.csv --out {'o' * 300}", f"{'o' * 300}: {TOO_LONG}"),
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
    ("a long name to report", {}, f"report {'r' * 300}", f"{'r' * 300}/fold_1: {TOO_LONG}"),
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
    (
        "predict an empty file",
        {"r": "RUN", "e.csv": ""},
        "predict r e.csv --out p.csv",
        "e.csv is empty; it needs a header line and rows below it",
    ),
]


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    """A folder like one that `slanted train` leaves, as far as it is read before Keras."""
    import h5py

    folder = tmp_path_factory.mktemp("runs") / "run"
    tiny.write_checkpoint(folder)
    for name in ("config.json", "model.safetensors"):
        (folder / name).unlink()
    (folder / "model").mkdir()
    config = {"registered_name": "keras_hub>BertBackbone", "class_name": "BertBackbone", "config": {}}
    (folder / "model" / "config.json").write_text(json.dumps(config))
    with h5py.File(folder / "model" / "model.weights.h5", "w") as file:
        file["weights"] = list(range(1000))
    columns = {"text": "text", "text_b": None, "labels": ["label"]}
    (folder / "recipe.json").write_text(json.dumps({**Settings().to_dict(), "columns": columns}))
    (folder / "labels.json").write_text(json.dumps({"task": "single", "labels": ["x", "y"]}))
    (folder / "metrics.json").write_text("{}")
    return folder


def make(files, tiny_model, finished_run):
    """Make a case's files; a name that ends in / is a folder, MODEL and RUN a copy with the files named changed.

    LOOP is a link that leads to itself.
    """
    for name, content in {"t.csv": GOOD, **files}.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif content in ("MODEL", "RUN"):
            shutil.copytree(Path(tiny_model if content == "MODEL" else finished_run), path)
        elif content is None:
            path.unlink()
        elif content is LOOP:
            path.symlink_to(path.name)
        elif isinstance(content, int):
            path.write_bytes(path.read_bytes()[:content])
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def snapshot(folder="."):
    return {str(p): p.read_bytes() if p.is_file() else None for p in Path(folder).rglob("*")}


@pytest.mark.parametrize(("files", "command", "message"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_refused_in_one_line_and_nothing_is_changed(files, command, message, tiny_model, finished_run, capsys):
    make(files, tiny_model, finished_run)
    before = snapshot()
    assert main(command.split()) == 2
    printed = capsys.readouterr()
    assert printed.err == f"error: {message}\n"
    assert printed.out == ""
    assert snapshot() == before


def test_every_message_is_another_of_its_command():
    found = [(arguments.split()[:1], message) for _, _, arguments, message in REFUSED]
    repeated = [one for one in found if found.count(one) > 1]
    assert not repeated


def test_nothing_is_refused_late(tiny_model, finished_run):
    for number, (_, files, _, _) in enumerate(REFUSED):
        Path(str(number)).mkdir()
        os.chdir(str(number))
        make(files, tiny_model, finished_run)
        os.chdir("..")
    Path("cases.json").write_text(json.dumps([command.split() for _, _, command, _ in REFUSED]))
    script = (
        "import json, os, sys\n"
        "from slanted.cli import main\n"
        "for number, command in enumerate(json.load(open('cases.json'))):\n"
        "    os.chdir(str(number))\n"
        "    assert main(command) == 2, command\n"
        "    os.chdir('..')\n"
        "for module in ('keras', 'keras_hub', 'tensorflow', 'jax', 'torch'):\n"
        "    assert module not in sys.modules, module\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [f"error: {message}" for *_, message in REFUSED]


def test_a_folder_that_cannot_be_written_to(monkeypatch, capsys, tiny_model, finished_run):
    make({"parent/": ""}, tiny_model, finished_run)
    monkeypatch.setattr(run_folder.os, "access", lambda place, mode: str(place) != "parent")
    assert main(["train", "t.csv", "--out", "parent/o"]) == 2
    assert capsys.readouterr().err == "error: --out parent/o: parent cannot be written to; give another folder\n"
    assert main(["train", "t.csv", "--out", "parent"]) == 2
    assert capsys.readouterr().err == "error: --out parent: parent cannot be written to; give another folder\n"
    assert not list(Path("parent").iterdir())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody may write to")
def test_a_file_system_that_takes_no_folders():
    with pytest.raises(run_folder.InputError) as refused, run_folder.claimed(Path("/proc/a/b"), overwrite=False):
        raise AssertionError("nobody can hold this folder")
    assert str(refused.value).startswith("--out /proc/a/b: ")


def test_predictions_that_cannot_be_written(monkeypatch, capsys, tiny_model, finished_run):
    make({"r": "RUN", "parent/": ""}, tiny_model, finished_run)
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place).name != "parent")
    assert main(["predict", "r", "t.csv", "--out", "parent/p.csv"]) == 2
    assert capsys.readouterr().err == "error: --out parent/p.csv: cannot be written to; give another file\n"


LABELS = {
    "numbers": ("1", "10", "2"),
    "leading zeros": ("007", "7", "-1"),
    "SQL": ("'; DROP TABLE x; --", "1=1", "NULL"),
    "HTML": ("<b>x</b>", "&lt;", '"quoted"'),
    "paths": ("/etc/passwd", "../up", r"C:\x"),
    "emoji and scripts": ("🎉", "שלום", "\u200b"),
    "spaces around": (" x ", "y", "z\n"),
}
LINE_ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte-order mark"])
@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_accepted_unchanged(labels, end, mark):
    texts = [text for text in TEXTS.values() for _ in labels]
    rows = list(zip(texts, labels * len(TEXTS), strict=True))
    lines = ["text,label", *(f"{quoted(text)},{quoted(label)}" for text, label in rows), ""]
    Path("t.csv").write_bytes((mark + end.join(lines)).encode())
    data = read_data(DataFiles("t.csv"), Settings(valid_share=0.0))
    assert data.train.texts == texts
    assert data.target.decode(data.train.y) == [label for _, label in rows]


@pytest.mark.parametrize("labels", [("10", "9"), ("<b>x</b>", "'; DROP TABLE x; --"), ("../up", " 🎉 ")])
def test_predictions_file_gives_labels_back(labels, tmp_path):
    import csv

    atomic_files.write_rows(tmp_path / "p.csv", ["row", *labels], [(0, *labels), (1, *TEXTS.values())])
    with open(tmp_path / "p.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["row", *labels], ["0", *labels], ["1", *TEXTS.values()]]
