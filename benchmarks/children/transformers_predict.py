"""Predict with transformers' text-classification pipeline: the peer of `slanted predict`; print one JSON line.

Usage: transformers_predict.py FOLDER FILE OUT --max-tokens 128 --batch-size 64

FOLDER is a saved model, FILE a CSV with a column text; OUT gets a label a line.
"""

import argparse
import csv
import json
import time
from pathlib import Path

import torch
import transformers


def main() -> None:
    """Predict every row, write the labels, print the seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--bfloat16", action="store_true")
    given = parser.parse_args()
    with given.file.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    dtype = torch.bfloat16 if given.bfloat16 else torch.float32
    classify = transformers.pipeline("text-classification", given.folder, device="cpu", dtype=dtype)
    begun = time.perf_counter()
    found = classify(texts, batch_size=given.batch_size, truncation=True, max_length=given.max_tokens)
    seconds = time.perf_counter() - begun
    given.out.write_text("".join(f"{one['label']}\n" for one in found), encoding="utf-8")
    print(json.dumps({"examples": len(texts), "predict_seconds": seconds}))


if __name__ == "__main__":
    main()
