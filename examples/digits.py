"""Carry a small convolutional network from the digits 0-4 to the digits 5-9, with 25 examples to learn from.

Usage: python examples/digits.py [--seeds 5] [--examples 25]

Prints the test accuracy on the digits 5-9 of training from scratch, of plain fine-tuning and of fine-tuning with
slanted triangular rates, layer decay and gradual unfreezing. Needs scikit-learn.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits

import slanted

EPOCHS, BATCH, PRETRAINING_EPOCHS = 10, 8, 10
CARRIED = slanted.Recipe(
    epochs=EPOCHS, lr_max=0.02, layer_decay=0.5, unfreezing="top-down", unfreeze_at=(0, 2), weight_decay=0.0
)


def network():
    conv, options = keras.layers.Conv2D, {"padding": "same", "activation": "relu"}
    layers = [conv(16, 3, **options), conv(32, 3, strides=2, **options), conv(32, 3, strides=2, **options)]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers, keras.layers.Flatten(), keras.layers.Dense(5)])


def fit(model, optimizer, x, y, epochs, batch_size, callbacks=()):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0, callbacks=list(callbacks))


def with_new_head(pretrained):
    model = network()
    for new, old in zip(model.layers[:-1], pretrained.layers[:-1], strict=True):
        new.set_weights(old.get_weights())
    return model


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--examples", type=int, default=25)
    options = options.parse_args()
    images, digits = load_digits(return_X_y=True)
    images = (images / 16.0).reshape(-1, 8, 8, 1).astype("float32")
    low, accuracy = digits < 5, {"from scratch": [], "plain fine-tuning": [], "slanted": []}
    for seed in range(options.seeds):
        keras.utils.set_random_seed(seed)
        pretrained = network()
        fit(pretrained, keras.optimizers.Adam(0.002), images[low], digits[low], PRETRAINING_EPOCHS, 32)
        order = np.random.default_rng(seed).permutation(np.flatnonzero(~low))
        chosen, held = order[: options.examples], order[options.examples :]
        models = {"from scratch": network(), "plain fine-tuning": with_new_head(pretrained)}
        for model in models.values():
            fit(model, keras.optimizers.Adam(0.004), images[chosen], digits[chosen] - 5, EPOCHS, BATCH)
        models["slanted"] = with_new_head(pretrained)
        optimizer = CARRIED.make_optimizer(models["slanted"], CARRIED.lr_max)
        callbacks = [slanted.RunScheduler(CARRIED.make_curve(CARRIED.lr_max)), *CARRIED.make_callbacks()]
        fit(models["slanted"], optimizer, images[chosen], digits[chosen] - 5, EPOCHS, BATCH, callbacks)
        for name, model in models.items():
            accuracy[name].append(model.evaluate(images[held], digits[held] - 5, verbose=0)[1])
    steps = EPOCHS * -(-options.examples // BATCH)
    print(slanted.plan(models["slanted"], CARRIED, steps, batch=images[:BATCH]))
    for name, scores in accuracy.items():
        print(f"{name:<17}  accuracy {np.mean(scores):.3f} +- {np.std(scores):.3f} over {options.seeds} seeds")


if __name__ == "__main__":
    main()
