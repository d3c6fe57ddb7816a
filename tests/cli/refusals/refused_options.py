"""Command lines that are refused for their options: missing, unknown, of the wrong kind or out of range."""

from refusal_cases import TRAIN

ROWS = [
    ("no command", {}, "", "the following arguments are required: COMMAND; see slanted --help"),
    ("no folder", {}, "train t.csv", "the following arguments are required: --out; see slanted train --help"),
    (
        "unknown option",
        {},
        f"{TRAIN} --epoch 3",
        "unknown option --epoch, the nearest is --epochs; see slanted train --help",
    ),
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
        "--epochs: must be a whole number or auto, not 'three'; see slanted train --help",
    ),
    (
        "a fraction for a whole number",
        {},
        f"{TRAIN} --batch-size 1.5",
        "--batch-size: must be a whole number or auto, not '1.5'; see slanted train --help",
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
        "dropout that is no number",
        {},
        f"{TRAIN} --dropout x",
        "--dropout: must be a number, not 'x'; see slanted train --help",
    ),
    (
        "layer decay that is no number",
        {},
        f"{TRAIN} --layer-decay much",
        "--layer-decay: must be a number, not 'much'; see slanted train --help",
    ),
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
        ("--backend theano: must be one of auto, tensorflow, jax, torch, measure; see slanted train --help"),
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
            "warmup-stable-decay, constant, or a curve of your own, MODULE:CLASS; see slanted train --help"
        ),
    ),
    (
        "curve of a module that is not there",
        {},
        f"{TRAIN} --curve no_such.part:Root",
        (
            "--curve: there is no module no_such.part for no_such.part:Root, installed or in the current folder; "
            "see slanted train --help"
        ),
    ),
    (
        "curve of no name",
        {"mine.py": "raise SystemExit(1)"},
        f"{TRAIN} --curve mine:a-b",
        ("--curve: must be MODULE:CLASS where it names a curve of your own, not 'mine:a-b'; see slanted train --help"),
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
        {"t.csv": "text,label\n\u00e4,x\n"},
        f"{TRAIN} --encoding Punycode",
        "t.csv, line 1: Invalid extended code point ','; say the byte order, such as --encoding utf-16-le",
    ),
    (
        "quiet and JSON lines",
        {},
        f"{TRAIN} --quiet --json-lines",
        "--json-lines: not allowed with argument --quiet; see slanted train --help",
    ),
]
