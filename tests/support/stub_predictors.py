"""A predictor without a model: what it predicts is written in the texts themselves."""

import json

import numpy as np

from slanted.text.labels.targets import Target
from slanted.text.models.predictor import Predictor
from slanted.text.settings import Settings


class StubPredictor(Predictor):
    """Reads the numbers of a text such as "0.2 0.8" and adds `shift` to each."""

    def __init__(self, target, settings=None, thresholds=None, pairs=False, shift=0.0):
        super().__init__(target, settings or Settings(), thresholds, pairs)
        self.shift = shift

    def predict(self, texts, texts_b):
        return np.array([[float(number) + self.shift for number in text.split()] for text in texts])

    def save(self, folder):
        self.write_labels(folder)
        self.write_recipe(folder, {"shift": self.shift})

    @classmethod
    def load(cls, folder):
        labels, recipe = (json.loads((folder / name).read_text()) for name in ("labels.json", "recipe.json"))
        target = Target(labels["task"], tuple(labels["labels"]))
        return cls(target, Settings.from_dict(recipe), pairs=recipe["pairs"], shift=recipe["shift"])
