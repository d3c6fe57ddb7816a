"""Models saved after and within a run, in a process where slanted is not installed and in one where it is."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from scheduled_runs import Interrupt, Interrupted, examples, regression, stlr

import slanted

MADE = {
    "adam": lambda: regression(keras.optimizers.Adam(0.5)),
    "scaled": lambda: regression(keras.optimizers.LossScaleOptimizer(keras.optimizers.AdamW(0.5))),
}

ELSEWHERE = """
import pickle, sys
from pathlib import Path
sys.modules["slanted"] = None
import keras, numpy as np

folder = Path(sys.argv[1])
x, y = np.load(folder / "data.npz").values()
for name in ("adam", "scaled"):
    with open(folder / f"{name}.pickle", "rb") as file:
        opened = keras.saving.load_model(folder / f"{name}.keras"), pickle.load(file)
    for model in opened:
        np.testing.assert_array_equal(model.predict(x, verbose=0), np.load(folder / f"{name}.npy"))
        model.fit(x, y, batch_size=5, shuffle=False, verbose=0)
        for at, weights in enumerate(model.get_weights()):
            np.testing.assert_array_equal(weights, np.load(folder / f"{name}_{at}.npy"))
for name in ("layers", "in_run"):
    model = keras.saving.load_model(folder / f"{name}.keras", compile=False)
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.load(folder / f"{name}.npy"))
"""


def in_a_process(code, *arguments):
    search = os.pathsep.join([str(Path(__file__).parents[1] / "support"), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": search}
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def train(model, *callbacks, **run):
    x, y = examples()
    model.fit(x, y, batch_size=5, shuffle=False, verbose=0, callbacks=list(callbacks), **run)
    return model


def save(model, folder, name):
    model.save(folder / f"{name}.keras")
    np.save(folder / f"{name}.npy", model.predict(examples()[0], verbose=0))


def test_where_slanted_is_not_installed_models_predict_the_same_and_train_on(tmp_path):
    np.savez(tmp_path / "data.npz", *examples())
    for name, make in MADE.items():
        trained = train(make(), stlr(lr_max=0.1), epochs=3)
        save(trained, tmp_path, name)
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(trained))
        for at, weights in enumerate(train(trained).get_weights()):
            np.save(tmp_path / f"{name}_{at}.npy", weights)
    layered = regression(keras.optimizers.Adam(0.5))
    layered.compile(slanted.LayerwiseOptimizer(layered.optimizer, slanted.layer_groups(layered)), "mse")
    save(train(layered, stlr(lr_max=0.1), epochs=2), tmp_path, "layers")
    cut = MADE["adam"]()
    with pytest.raises(Interrupted):
        train(cut, stlr(lr_max=0.1), Interrupt(epoch=1), epochs=2)
    save(cut, tmp_path, "in_run")
    in_a_process(ELSEWHERE, str(tmp_path))


@pytest.mark.parametrize("name", ["adam", "scaled", "layers"])
def test_a_model_saved_in_a_run_goes_on_with_the_weights_of_the_uninterrupted_run(tmp_path, name):
    def make():
        made = MADE.get(name, MADE["adam"])()
        if name == "layers":
            made.compile(slanted.LayerwiseOptimizer(made.optimizer, slanted.layer_groups(made)), "mse")
        return made

    whole = train(make(), stlr(lr_max=0.1), epochs=4)
    half = make()
    with pytest.raises(Interrupted):
        train(half, stlr(lr_max=0.1), Interrupt(epoch=2), epochs=4)
    half.save(tmp_path / "half.keras")
    loaded = train(keras.saving.load_model(tmp_path / "half.keras"), stlr(lr_max=0.1), epochs=4, initial_epoch=2)
    for ours, theirs in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
