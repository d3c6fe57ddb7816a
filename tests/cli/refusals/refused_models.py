"""Models that are refused: missing, incomplete or damaged folders, and what is no model."""

from refusal_cases import TRAIN

from slanted.text.pretrained import model_files

ROWS = [
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
        "m/model.safetensors: not a valid safetensors file (Error while deserializing header: incomplete metadata, "
        "file not fully covered): copy the file anew",
    ),
    (
        "weights that are none",
        {"m": "MODEL", "m/model.safetensors": "weights"},
        f"{TRAIN} --model m",
        "m/model.safetensors: not a valid safetensors file (Error while deserializing header: header too small): copy "
        "the file anew",
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
        "--max-tokens 65: must be at most 64, the maximum of m; see slanted train --help",
    ),
]
