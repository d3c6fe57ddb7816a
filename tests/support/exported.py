"""Runs of random weights, saved as `slanted train` saves them, and what their exports are checked on."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import tiny_models

from slanted.recipe.named import recipes
from slanted.text.exporting.check_rows import CheckRows
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.models.fold_ensemble import MemoryEnsemble
from slanted.text.models.text_model import TextModel
from slanted.text.pretrained.classifier_network import build_classifier
from slanted.text.pretrained.encoder import load_encoder
from slanted.text.settings import Settings

TARGETS = {
    "single": Target("single", ("zebra", 'comma, "quote"', "émeu")),
    "multilabel": Target("multilabel", ("one", "two")),
    "regression": Target("regression", ("stars",)),
}
THRESHOLDS = np.array([0.45, 0.6])
WORDS = [*(word for word in tiny_models.WORDS if not word.startswith("##")), "dogs", "crème", "Ünheard", "İ"]


def texts(count, seed=0):
    """Return texts of 0 to 40 words."""
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(WORDS, size=draw.integers(0, 40))) for _ in range(count)]


def model(folder, family="Bert", kind="single", *, pairs=False, truncate="head", seed=0, **settings):
    """Return a model of random weights whose outputs differ from text to text."""
    checkpoint = tiny_models.write_preset(folder, family)
    recipe = recipes()["stlr"].with_settings(truncate=truncate)
    settings = Settings(model=str(checkpoint), recipe=recipe, **{"max_tokens": 12, "pooling": "cls", **settings})
    encoder, target = load_encoder(str(checkpoint)), TARGETS[kind]
    classifier = build_classifier(encoder, len(target.labels), pooling=settings.pooling)
    draw = np.random.default_rng(seed)
    for variable in classifier.trainable_variables:
        mean = 1.0 if variable.path.endswith("gamma") else 0.0
        variable.assign(draw.normal(mean, 0.6, variable.shape).astype("float32"))
    thresholds = THRESHOLDS if kind == "multilabel" else None
    return TextModel(encoder, classifier, target, settings, thresholds, pairs)


def saved(folder, family="Bert", kind="single", **options):
    """Save such a model as a run, and return the model; the run is `folder / "run"`."""
    made = model(folder / "checkpoint", family, kind, **options)
    (folder / "run").mkdir()
    made.save(folder / "run")
    return made


def saved_folds(folder):
    """Save an ensemble of two such models as a run, and return it."""
    one, two = (model(folder / f"checkpoint{seed}", seed=seed) for seed in (0, 1))
    ensemble = MemoryEnsemble([one, two], replace(one.settings, folds=2))
    (folder / "run").mkdir()
    ensemble.save(folder / "run")
    return ensemble


def rows_for(made, count=30):
    """Return rows whose labels are what a model predicts, and its predictions."""
    first = texts(count)
    second = texts(count, seed=1) if made.pairs else None
    predicted = made.predict(first, second)
    if made.target.kind == "single":
        y = predicted.argmax(axis=1)
    else:
        y = (predicted >= THRESHOLDS).astype("float32") if made.target.kind == "multilabel" else predicted
    return CheckRows(Examples(first, second, y), "test", "rows.csv"), predicted


def script(folder, lines, *options, cwd):
    """Run predict.py of an export as a user does; return its lines."""
    content = "".join(f"{line}\n" for line in lines)
    command = [sys.executable, str(folder / "predict.py"), *options]
    done = subprocess.run(command, input=content, capture_output=True, text=True, encoding="utf-8", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def library(folder, tokenizer, settings):
    """Return texts.py of an export as a module, with a tokenizer and its settings beside it."""
    from importlib import resources

    folder.mkdir()
    source = resources.files("slanted.text.exporting").joinpath("scripts", "texts.txt").read_text("utf-8")
    (folder / "texts.py").write_text(source, encoding="utf-8")
    (folder / "predict.json").write_text(json.dumps(settings), encoding="utf-8")
    tokenizer.save(folder)
    spec = importlib.util.spec_from_file_location(f"texts_of_{folder.name}", folder / "texts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
