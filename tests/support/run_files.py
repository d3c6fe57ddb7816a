"""Readers of the files that a run leaves in its folder."""

import csv
import json

import numpy as np


def table(path):
    """Return the rows of a CSV file, each by its columns' names."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(path):
    """Return what a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def drop_sums(folder):
    """Remove the SHA-256 of the files from recipe.json, as an earlier version wrote it: the files may be changed."""
    saved = read(folder / "recipe.json")
    del saved["artefacts"]
    (folder / "recipe.json").write_text(json.dumps(saved), encoding="utf-8")


def damage(path):
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def weights(folder):
    """Return the weights of a run's model."""
    from slanted.text.models.text_model import TextModel

    return TextModel.load(folder).classifier.get_weights()


def same(first, second):
    """Return whether two lists of weights are equal to the last bit."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def snapshot(folder):
    """Return the bytes of every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
