"""The folders of runs that nobody trained: the same files from the same functions, with a model that counts words."""

import zlib
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np

from slanted.common import atomic_files
from slanted.recipe.named import recipes
from slanted.report.collect.plot_data import length_bins
from slanted.report.collect.report_data import predictions_of
from slanted.report.write_report import write_folds_report, write_page
from slanted.text.formats.row_locations import RowLocations
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.labels.examples import Examples
from slanted.text.labels.splits import fold_rows
from slanted.text.labels.targets import Target
from slanted.text.models.predictions_csv import write_predictions
from slanted.text.runs import run_folder
from slanted.text.runs.run_data import DataFiles, RunData
from slanted.text.scoring.baselines import baseline_scores
from slanted.text.scoring.metrics import score_predictions
from slanted.text.settings import Settings
from slanted.text.training.fold_metrics import fold_metrics

TREC = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
TREC_WORDS = (
    "what",
    "who",
    "where",
    "when",
    "city",
    "year",
    "name",
    "mean",
    "stand",
    "how",
    "many",
    "president",
    "does",
)
NASTY = (
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 2</script>",
    "<!-- <script>",
    "]]> --> <![CDATA[",
    '"><img src=x onerror="window.hacked = 3">',
    "' onmouseover='window.hacked = 4",
    "javascript:window.hacked=5",
    "&lt;b&gt; &amp; &#x27;",
    "</title></style></main><h1>",
    "{{7*7}} ${7*7} `x`",
    "\u202eright to left\u202c \u200b\u2066",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "\U0001f4a9\u2028\u2029",
    "a\x0bb\x1fc",
    "x" * 10_000,
)
GROUPS = ("embeddings", *(f"block_{number}" for number in range(6)), "head")
EPOCHS, STEPS = 3, 40


class WordModel:
    """Gives each output the sum of what each word says for it: a number drawn from the word's checksum."""

    decision_thresholds, calibration = 0.5, None

    def __init__(self, target):
        self.target, self.calls = target, 0

    def predict(self, texts, texts_b):
        self.calls += 1
        pairs = zip(texts, texts_b or [""] * len(texts), strict=True)
        raw = np.array([self._raw(f"{text} {text_b}") for text, text_b in pairs])
        if self.target.kind == "regression":
            return raw
        powers = np.exp(raw)
        return powers / powers.sum(axis=1, keepdims=True) if self.target.kind == "single" else powers / (1.0 + powers)

    def _raw(self, text):
        outputs = len(self.target.labels)
        draws = [np.random.default_rng(zlib.crc32(word.encode())).normal(size=outputs) for word in text.split()]
        return np.sum([np.zeros(outputs), *draws], axis=0)


def texts_of(count, words, seed, most=9):
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(words, draw.integers(2, most))) for _ in range(count)]


def labelled(model, texts, texts_b=None, seed=0, wrong=0.1):
    """Return the rows with what the model says, wrong in a tenth of the rows."""
    draw, said = np.random.default_rng(seed), model.predict(texts, texts_b)
    flipped = draw.random(len(texts)) < wrong
    if model.target.kind == "single":
        y = np.where(flipped, draw.integers(0, said.shape[1], len(texts)), said.argmax(axis=1))
    elif model.target.kind == "multilabel":
        y = ((said >= 0.5) ^ (flipped[:, None] & (draw.random(said.shape) < 0.5))).astype("float32")
    else:
        y = (said + draw.normal(scale=0.4, size=said.shape) + 6.0 * flipped[:, None]).astype("float32")
    return Examples(texts, texts_b, y, locations_of(len(texts)))


def locations_of(count):
    """The lines of a file t.csv."""
    return RowLocations((("t.csv", "line"),), np.arange(count) + 2, np.zeros(count, "int32"))


def data_of(target, words, rows=(180, 20, 60), pairs=False, held_out=True):
    model = WordModel(target)
    parts = []
    for seed, count in enumerate(rows):
        texts = texts_of(count, words, seed)
        texts_b = texts_of(count, words, seed + 9) if pairs else None
        parts.append(labelled(model, texts, texts_b, seed))
    train, valid, test = parts if held_out else (parts[0], None, None)
    columns = SimpleNamespace(text="text", text_b=None, labels=("label",))
    return RunData(target, train, valid, test, columns, (), BadRows(), None), model


def hostile(classes=200):
    """Return classes of 2 rows each, whose labels and texts are made of what breaks pages."""
    labels = tuple(sorted({f"{NASTY[at % len(NASTY)]}{at}" for at in range(classes)}))
    target = Target("single", labels)
    draw, count = np.random.default_rng(0), 2 * classes
    texts = [f"{NASTY[at % len(NASTY)]} {NASTY[draw.integers(len(NASTY))]}" for at in range(count)]
    y = np.repeat(np.arange(classes), 2)
    train = Examples(texts, None, y, locations_of(count))
    test = Examples(texts[::-1], None, y, locations_of(count))
    return RunData(target, train, None, test, None, (), BadRows(), None), WordModel(target)


def metrics_of(data, model):
    metrics = {
        "task": data.target.kind, "examples": len(data.train), "epochs": EPOCHS,
        "kept_epoch": 2 if data.valid else EPOCHS,
        "total_steps": EPOCHS * STEPS, "train_seconds": 12.5, "examples_per_second": 43.2, "backend": "jax",
        "precision": "float32", "seed": 0, "resumed_from_step": None,
    }  # fmt: skip
    for name, part in (("valid", data.valid), ("test", data.test)):
        if part is not None:
            metrics[name] = score_predictions(data.target, part.y, model.predict(part.texts, part.texts_b))
    scored = data.test or data.valid
    if scored is not None:
        metrics["baselines"] = baseline_scores(data.train, scored, data.target)
    return metrics


def history(steps=STEPS, epochs=EPOCHS):
    total = epochs * steps
    draw = np.random.default_rng(0)
    rates = 1e-4 * np.interp(np.arange(total), [0, total / 10, total], [1 / 32, 1, 1 / 32])
    losses = 1.8 * np.exp(-np.arange(total) / total) + draw.normal(scale=0.1, size=total)
    return [(step, 1 + step // steps, float(losses[step]), float(rates[step])) for step in range(total)]


def report_json(data, model, folder):
    lengths = np.array([min(3 + 2 * len(text.split()), 16) for text in data.train.texts])
    scores = metrics_of(data, model).get("valid", {})
    valid = {name: value for name, value in scores.items() if isinstance(value, float)}
    epochs = [
        {"epoch": at + 1, "train_loss": 1.5 / (at + 1), **({"valid": valid} if valid else {})} for at in range(EPOCHS)
    ]
    stages = [[0, ["head"]], [STEPS, list(GROUPS[4:])], [2 * STEPS, list(GROUPS)]]
    return {
        "rows": {"train": len(data.train), **{n: len(p) for n, p in (("valid", data.valid), ("test", data.test)) if p}},
        "groups": [
            {"name": name, "parameters": 100, "multiplier": 2.6 ** -(len(GROUPS) - 1 - at)}
            for at, name in enumerate(GROUPS)
        ],
        "stages": stages,
        "epochs": epochs,
        **predictions_of(data, EPOCHS, 0, model, folder),
        "lengths": {
            "bins": length_bins(lengths, lengths == 16),
            "of": "texts",
            "mean": float(lengths.mean()),
            "truncated": float((lengths == 16).mean()),
        },
        "cost": {"parameters": 22_715_526, "tokens_an_epoch": int(lengths.sum()), "padding": 0.1, "peak_memory": 2**30},
        "versions": {"slanted": "0.1.0", "keras": "3.15.1", "jax": "0.7.0", "python": "3.11.7", "machine": "a machine"},
    }


def write_run(folder, data, model, files=None):
    """Write a run's folder, the page included, and return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    if data.test is not None:
        predicted = model.predict(data.test.texts, data.test.texts_b)
        write_predictions(folder / run_folder.PREDICTIONS, data.target, predicted, model.decision_thresholds)
    atomic_files.write_rows(folder / run_folder.HISTORY, run_folder.HISTORY_COLUMNS, history())
    atomic_files.write_json(folder / run_folder.METRICS, metrics_of(data, model))
    labels = {"task": data.target.kind, "labels": list(data.target.labels)}
    atomic_files.write_json(folder / run_folder.LABELS, labels)
    settings = Settings(recipe=recipes()["ulmfit"], max_tokens=16, backend="jax", precision="float32")
    files = files or DataFiles("t.csv", test="test.csv")
    saved = {**settings.to_dict(), "files": asdict(files), "peak_rate": 1e-4}
    atomic_files.write_json(folder / run_folder.RECIPE, saved)
    atomic_files.write_json(folder / run_folder.REPORT_DATA, report_json(data, model, folder))
    return write_page(folder)


def single(folder):
    return write_run(folder, *data_of(Target("single", TREC), TREC_WORDS))


def multilabel(folder):
    return write_run(folder, *data_of(Target("multilabel", ("toxic", "insult", "threat", "spam")), TREC_WORDS))


def regression(folder):
    return write_run(folder, *data_of(Target("regression", ("quality", "length")), TREC_WORDS))


def pairs(folder):
    return write_run(folder, *data_of(Target("single", ("0", "1")), TREC_WORDS, pairs=True))


def unscored(folder):
    return write_run(folder, *data_of(Target("single", TREC), TREC_WORDS, held_out=False))


def nasty(folder):
    return write_run(folder, *hostile())


RUNS = {run.__name__: run for run in (single, multilabel, regression, pairs, unscored, nasty)}


def write_folds(folder, data, model, folds=3, valid_share=0.1):
    """Write the folder of a cross-validation, all pages included, and return the page of the whole."""
    settings = Settings(
        recipe=recipes()["ulmfit"].with_settings(epochs=EPOCHS), max_tokens=16, backend="jax", precision="float32",
        folds=folds, valid_share=valid_share,
    )  # fmt: skip
    data = replace(data, valid=None, folds=fold_rows(data.target, data.train, settings))
    predicted = np.zeros((len(data.train), len(data.target.labels)))
    for at, fold in enumerate(data.folds):
        rows = data.of_fold(fold)
        write_run(folder / run_folder.fold_name(at), rows, model)
        predicted[fold.test] = model.predict(rows.test.texts, rows.test.texts_b)
    each = [run_folder.read_json(folder / run_folder.fold_name(at) / run_folder.METRICS) for at in range(folds)]
    metrics = fold_metrics(data, settings, each, None)
    metrics["out_of_fold"] = score_predictions(data.target, data.train.y, predicted)
    if data.test is not None:
        metrics |= {name: metrics_of(data, model)[name] for name in ("test", "baselines")}
    write_predictions(folder / run_folder.OUT_OF_FOLD, data.target, predicted, 0.5)
    atomic_files.write_json(folder / run_folder.METRICS, metrics)
    labels = {"task": data.target.kind, "labels": list(data.target.labels)}
    atomic_files.write_json(folder / run_folder.LABELS, labels)
    saved = {**settings.to_dict(), "files": asdict(DataFiles("t.csv", test=None if data.test is None else "test.csv"))}
    atomic_files.write_json(folder / run_folder.RECIPE, saved)
    return write_folds_report(folder, data)


def single_folds(folder):
    return write_folds(folder, *data_of(Target("single", TREC), TREC_WORDS))


def multilabel_folds(folder):
    target = Target("multilabel", ("toxic", "insult", "threat", "spam"))
    return write_folds(folder, *data_of(target, TREC_WORDS, held_out=False), folds=2)


def regression_folds(folder):
    return write_folds(folder, *data_of(Target("regression", ("quality", "length")), TREC_WORDS))


def pairs_folds(folder):
    made = data_of(Target("single", ("0", "1")), TREC_WORDS, pairs=True, held_out=False)
    return write_folds(folder, *made, valid_share=0.0)


def nasty_folds(folder):
    return write_folds(folder, *hostile(classes=40), folds=2, valid_share=0.0)


FOLDS = {run.__name__: run for run in (single_folds, multilabel_folds, regression_folds, pairs_folds, nasty_folds)}
