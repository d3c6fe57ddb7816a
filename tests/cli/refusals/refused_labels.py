"""Files that are refused for their labels, and options that do not fit the labels."""

from refusal_cases import TRAIN

ROWS = [
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
]
