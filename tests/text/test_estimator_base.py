"""What text classifiers and regressors share: checked settings, texts and pairs, folders, scikit-learn's manners."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
import tiny
from estimator_data import ANSWERS, LABELS, NEW, SMALL, TEXTS
from run_files import drop_sums
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import slanted
from slanted import Recipe, TextClassifier, TextRegressor
from slanted.cli import main
from slanted.errors import InputError, SettingError
from slanted.runtime import backend_choice
from slanted.text import estimator_base
from slanted.text.labels.examples import Examples


def test_history(integers):
    steps, epochs = integers.history_.steps, integers.history_.epochs
    assert [step[:2] for step in steps] == [(step, 1 + step // 5) for step in range(30)]
    curve = slanted.SlantedTriangular(0.01).simulate(30)
    np.testing.assert_allclose([rate for *_, rate in steps], curve, rtol=1e-5)
    assert len(epochs) == 6 and all(0 <= scores["accuracy"] <= 1 for scores in epochs)


def test_arrays_and_columns_of_texts_are_texts(integers):
    expected = integers.predict_proba(NEW)
    for texts in (tuple(NEW), np.array(NEW), np.array(NEW, dtype=object), np.array(NEW, dtype=object)[:, np.newaxis]):
        np.testing.assert_array_equal(integers.predict_proba(texts), expected)


def test_saved_and_loaded_it_predicts_the_same(integers, tmp_path):
    integers.save(tmp_path / "run")
    loaded = TextClassifier.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict_proba(NEW), integers.predict_proba(NEW))
    assert loaded.predict(NEW).tolist() == integers.predict(NEW).tolist()
    given = {name: loaded.get_params()[name] for name in SMALL if name != "lr"}
    assert given == {name: SMALL[name] for name in given} and loaded.recipe.lr_max == 0.01
    with pytest.raises(InputError, match="contains a run; give another folder"):
        integers.save(tmp_path / "run")
    with pytest.raises(InputError, match=r"contains a single model; load it with slanted\.TextClassifier\.load"):
        TextRegressor.load(tmp_path / "run")


def test_the_command_line_uses_what_python_saved(integers, tmp_path, capsys):
    integers.save(tmp_path / "run")
    data = tiny.write_rows(tmp_path / "t.csv", NEW, ANSWERS)
    assert main(["evaluate", str(tmp_path / "run"), data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == integers.score(NEW, ANSWERS)
    assert main(["predict", str(tmp_path / "run"), data, "--out", str(tmp_path / "p.csv")]) == 0
    with open(tmp_path / "p.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["prediction"] for row in rows] == [str(label) for label in integers.predict(NEW)]


def test_what_was_fitted_on_pairs_takes_pairs_after_it_was_saved_too(integers, tiny_model, tmp_path, capsys):
    pairs = list(zip(TEXTS, reversed(TEXTS), strict=True))
    fitted = TextClassifier(tiny_model, epochs=1, **SMALL).fit(pairs, LABELS)
    for estimator, name in ((fitted, "pairs"), (integers, "single")):
        estimator.save(tmp_path / name)
    with pytest.raises(InputError, match="texts are single texts, but fit was given pairs of texts; give pairs"):
        TextClassifier.load(tmp_path / "pairs").predict(NEW)
    single = TextClassifier.load(tmp_path / "single")
    with pytest.raises(InputError, match="texts are pairs, but fit was given single texts; give single texts"):
        single.predict(pairs)
    file, out = tmp_path / "f.csv", tmp_path / "p.csv"
    file.write_text("text\nx y\n")
    assert main(["predict", str(tmp_path / "pairs"), str(file), "--out", str(out)]) == 2
    message = f"{file}: single texts in column 'text', but the model was trained on pairs; name the column of the "
    assert message + "second texts with --text-b" in capsys.readouterr().err
    file.write_text("text,text_b\n" + "".join(f"{text},other\n" for text in NEW))
    assert main(["predict", str(tmp_path / "single"), str(file), "--out", str(out), "--text-b", "text_b"]) == 2
    assert "--text-b text_b: the model was trained on single texts; leave it out" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "single"), str(file), "--out", str(out)]) == 0
    with open(out, newline="") as table:
        assert [row["prediction"] for row in csv.DictReader(table)] == [str(label) for label in single.predict(NEW)]


def test_the_same_seed_gives_the_same_model_with_a_validation_set_of_its_own(tiny_model):
    names = [f"label {label}" for label in LABELS]
    answers = [f"label {label}" for label in ANSWERS]
    first, second = [
        TextClassifier(tiny_model, epochs=2, seed=4, **SMALL).fit(TEXTS, names, valid=(NEW, answers)) for _ in range(2)
    ]
    np.testing.assert_array_equal(first.predict_proba(NEW), second.predict_proba(NEW))
    assert set(first.predict(NEW).tolist()) <= {"label 3", "label 20"}
    assert first.history_.steps == second.history_.steps
    best = min(scores["loss"] for scores in [first.history_.start, *first.history_.epochs])
    truth = np.array([list(first.classes_).index(answer) for answer in answers])
    kept = -np.log(first.predict_proba(NEW)[np.arange(16), truth]).mean()
    assert kept == pytest.approx(best, rel=1e-4)


once = pytest.mark.once


@once
def test_columns_of_what_python_saved_are_found_by_their_names(tiny_model, tmp_path, capsys):
    rows = np.array([[label == 3, at % 3 == 0] for at, label in enumerate(LABELS)], dtype=int)
    labels = pd.DataFrame(rows, columns=["spam", "toxic"])
    TextClassifier(tiny_model, epochs=1, **SMALL).fit(TEXTS, labels).save(tmp_path / "run")

    def evaluate(header, columns):
        with open(tmp_path / "t.csv", "w", newline="") as file:
            cells = zip(TEXTS, *rows.T[columns].tolist(), strict=True)
            csv.writer(file).writerows([("text", *header), *cells])
        return main(["evaluate", str(tmp_path / "run"), str(tmp_path / "t.csv"), "--json"])

    assert evaluate(("spam", "toxic"), [0, 1]) == evaluate(("toxic", "spam"), [1, 0]) == 0
    printed = capsys.readouterr().out
    assert printed[: len(printed) // 2] == printed[len(printed) // 2 :]
    assert evaluate(("spam", "foo"), [0, 1]) == 2
    message = "t.csv: no column 'toxic', which the training data has; the columns are 'text', 'spam', 'foo'; "
    remedy = "rename or add it, or name it with `slanted evaluate --label`; rows without labels go to `slanted predict`"
    assert message + remedy in capsys.readouterr().err
    with open(tmp_path / "t.csv", "w") as file:
        file.writelines(json.dumps({"text": t, "label": ["spam"]}) + "\n" for t in TEXTS)
    (tmp_path / "t.csv").rename(tmp_path / "t.jsonl")
    assert main(["evaluate", str(tmp_path / "run"), str(tmp_path / "t.jsonl")]) == 0


def test_init_only_stores():
    recipe = Recipe(name="mine", epochs=9)
    given = {"model": "no model", "recipe": recipe, "batch_size": -1, "verbose": True}
    assert TextClassifier(**given).get_params().items() >= given.items()
    assert TextRegressor().set_params(seed=3, lr=0.1).get_params()["seed"] == 3
    with pytest.raises(ValueError, match="Invalid parameter"):
        TextClassifier().set_params(speed=1)


@once
def test_clone_is_unfitted_and_alike(integers):
    twin = clone(integers)
    assert twin.get_params() == integers.get_params() and not hasattr(twin, "model_")
    other = clone(TextClassifier(recipe=Recipe(epochs=9)))
    assert other.recipe == Recipe(epochs=9)


@once
@pytest.mark.parametrize("estimator", [TextClassifier, TextRegressor])
def test_not_fitted(estimator, tmp_path):
    with pytest.raises(NotFittedError):
        estimator().predict(["a"])
    with pytest.raises(NotFittedError):
        estimator().save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@once
@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ("one text", ["x", "y"], "texts must be a sequence of strings, not one string; put it in a list"),
        (["a", "b"], ["x", "y", "x"], "there must be one label for each text, not 3 labels for 2 texts"),
        ([], ["x", "y"], "texts must have the shape (n,), or (n, 2) for pairs, with n >= 1, not (0,)"),
        ([("a", "b"), ("c",)], ["x", "y"], "texts[0] must be a string, not tuple"),
        (["a", 5], ["x", "y"], "texts[1] must be a string, not int"),
        (["a", " "], ["x", "y"], "texts[1] is empty; give a text or leave the row out"),
        ([("a", "b"), ("c", "")], ["x", "y"], "texts[1, 1] is empty; give a text or leave the row out"),
        (["a", "b"], ["x", "x"], "labels: every row has the label 'x'; classes need two labels at least: add rows of"),
        (
            ["a", "b"],
            ["x", "y\ud800"],
            "labels[1] cannot be written to a file: a label must be a string of whole chara",
        ),
        (["a", "b"], [1.0, float("inf")], "labels[1] cannot be written to a file: a label must be a string of whole"),
        (["a", "b"], [10**5000, 1], "labels[0] cannot be written to a file: a label must be a string of whole chara"),
        (["a", "b", "c"], ["x", "x", "y"], "labels[2]: label 'y' has this row only, none to hold out for validation;"),
        (
            ["a", "b"],
            [0.5, 1.5],
            "Unknown label type: labels must be classes for TextClassifier: labels[0]: 0.5, a fractional number;",
        ),
    ],
)
def test_wrong_texts_and_labels(texts, labels, message):
    with pytest.raises(InputError) as refused:
        TextClassifier(precision="float32").fit(texts, labels)
    assert str(refused.value).startswith(message)


@once
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "Argument `epochs` must be a whole number >= 1. Received: epochs=0"),
        ({"lr": 2.0}, "Argument `lr_max` must be in (0, 1]. Received: lr_max=2.0"),
        ({"batch_size": 0}, "Argument `batch_size` must be a whole number >= 1. Received: batch_size=0"),
        ({"max_tokens": 2}, "Argument `max_tokens` must be a whole number >= 3. Received: max_tokens=2"),
        ({"positive": "z"}, "Argument `positive` must be one of the labels 'x', 'y'. Received: positive='z'"),
        ({"batch_size": 10**30}, "Argument `batch_size` must be at most 1000000. Received: batch_size=1000000000000"),
        ({"gradient_accumulation": 10**30}, "Argument `gradient_accumulation` must be at most 1000000. Received: "),
        ({"epochs": 10**15}, "Argument `epochs` must be at most 100000. Received: epochs=1000000000000000"),
        ({"seed": 2**32}, "Argument `seed` must be at most 4294967295. Received: seed=4294967296"),
        ({"recipe": 5}, "Argument `recipe` must be a recipe, its name, or the path of a run's recipe.json. Received: "),
        ({"model": "./none"}, "./none: the model folder does not exist"),
        ({"recipe": "slow"}, "recipe='slow': there is no such recipe or file. Recipes are: "),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(InputError) as refused:
        TextClassifier(**{"precision": "float32", **settings}).fit(["a", "b", "c", "d"], ["x", "y", "x", "y"])
    assert str(refused.value).startswith(message)


@once
@pytest.mark.parametrize(
    ("estimator", "remedy"),
    [(TextClassifier, "use class_weight='balanced'"), (TextRegressor, "repeat rows that count more")],
)
def test_weights_of_rows_are_refused(estimator, remedy):
    with pytest.raises(InputError) as refused:
        estimator().fit(["a", "b"], [0, 1], sample_weight=[1.0, 2.0])
    name = estimator.__name__
    assert str(refused.value) == (f"{name}.fit takes no sample_weight: all rows count alike; {remedy}, or leave it out")
    with pytest.raises(TypeError, match="unexpected keyword argument 'weights'"):
        estimator().fit(["a", "b"], [0, 1], weights=[1.0, 2.0])
    with pytest.raises(InputError, match="requires y to be passed"):
        estimator().fit(["a", "b"], None, sample_weight=None)


@once
def test_messages_name_parameters_and_not_options_of_the_command(tmp_path, capsys):
    with pytest.raises(InputError) as refused:
        TextClassifier(precision="float32", valid_share=0.1).fit(["a", "b", "c"], ["x", "y", "z"])
    assert "valid_share" in str(refused.value) and "--" not in str(refused.value)
    TextClassifier(verbose=True)._progress().say("length: 3 epochs (so many; --epochs overrides)")
    assert capsys.readouterr().out == "length: 3 epochs (so many; epochs overrides)\n"
    (tmp_path / "metrics.json").write_text("{}")
    classifier = TextClassifier()
    classifier.model_ = None
    with pytest.raises(InputError) as refused:
        classifier.save(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path}: ") and "--" not in str(refused.value)


@once
@pytest.mark.parametrize(
    ("valid", "message"),
    [
        ("abc", "valid must be texts and their labels, not a str; give (texts, labels)"),
        ((["a"],), "valid must be texts and their labels, not a tuple; give (texts, labels)"),
        (
            ([("a", "b")], ["x"]),
            "texts of valid are pairs, but the training texts are single texts; give single texts",
        ),
    ],
)
def test_wrong_validation_rows(valid, message):
    with pytest.raises(InputError) as refused:
        TextClassifier(precision="float32").fit(["a", "b"], ["x", "y"], valid=valid)
    assert message in str(refused.value)


def test_numbers_of_numpy_as_settings_can_be_saved_and_large_seeds_trained_with(tiny_model, tmp_path):
    settings = {"epochs": np.int64(1), "batch_size": np.int32(8), "lr": np.float32(1e-3), "seed": np.int64(2**32 - 1)}
    fitted = TextClassifier(tiny_model, max_tokens=16, precision="float32", **settings).fit(TEXTS, LABELS)
    fitted.save(tmp_path / "run")
    loaded = TextClassifier.load(tmp_path / "run")
    assert loaded.seed == 2**32 - 1 and type(loaded.batch_size) is int
    np.testing.assert_array_equal(loaded.predict_proba(NEW), fitted.predict_proba(NEW))


@once
def test_a_model_that_takes_fewer_tokens(tiny_model):
    with pytest.raises(SettingError) as refused:
        TextClassifier(tiny_model, max_tokens=65, precision="float32").fit(TEXTS, LABELS)
    assert str(refused.value).startswith("Argument `max_tokens` must be at most 64, the maximum of ")


@once
def test_labels_json_of_another_run(integers, tmp_path):
    integers.save(tmp_path / "run")
    drop_sums(tmp_path / "run")
    (tmp_path / "run" / "labels.json").write_text('{"task": "single", "labels": ["a", "b", "c"]}')
    with pytest.raises(InputError) as refused:
        TextClassifier.load(tmp_path / "run")
    found = f"{tmp_path / 'run'}: the model has 2 outputs, but labels.json names 'a', 'b', 'c'"
    assert str(refused.value) == f"{found}; restore both from one run"


@pytest.mark.once
def test_a_measurement_is_announced_on_standard_error(monkeypatch, capsys, tiny_model):
    """It takes seconds, once a machine."""

    def choose(backend, precision, say, work):
        assert work.steps and work.models == 1
        say("measuring torch on this machine")
        return backend_choice.Choice(backend, "float32", "measured")

    monkeypatch.setattr(backend_choice, "choose", choose)
    settings = TextClassifier(tiny_model)._settings()
    assert estimator_base._on_machine(settings, Examples(TEXTS, None, np.zeros(len(TEXTS), int))).precision == "float32"
    assert capsys.readouterr() == ("", "measuring torch on this machine\n")
