"""Predict with a run of slanted's in one process; print one JSON line.

Usage: slanted_predict.py DIR FILE OUT

DIR is a run, FILE a CSV with a column text; OUT gets a label a line. The backend is the one `slanted predict` takes.
"""

import csv
import json
import sys
import time
from pathlib import Path

import slanted
from slanted.runtime import backend_choice
from slanted.runtime.keras_startup import start_keras


def main() -> None:
    """Predict every row, write the labels, print the seconds."""
    folder, file, out = (Path(argument) for argument in sys.argv[1:])
    with file.open(encoding="utf-8", newline="") as rows:
        texts = [row["text"] for row in csv.DictReader(rows)]
    backend = backend_choice.choose("auto", "float32").backend
    start_keras(backend)
    classifier = slanted.TextClassifier.load(folder)
    begun = time.perf_counter()
    labels = classifier.predict(texts)
    seconds = time.perf_counter() - begun
    out.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    print(json.dumps({"examples": len(texts), "predict_seconds": seconds, "backend": backend}))


if __name__ == "__main__":
    main()
