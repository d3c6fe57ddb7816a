"""`export` of the estimators: which rows check it, what a pickle has, and what is refused."""

import pickle

import estimator_data
import numpy as np
import pytest
from exported import script

from slanted import TextClassifier
from slanted.errors import InputError
from slanted.text.exporting import exportable

pytestmark = pytest.mark.once
TEXTS, LABELS = estimator_data.TEXTS, estimator_data.LABELS


@pytest.fixture(scope="module")
def fitted(tiny_model):
    return TextClassifier(tiny_model, epochs=2, **(estimator_data.SMALL | {"valid_share": 0.0})).fit(TEXTS, LABELS)


@pytest.fixture
def requests(monkeypatch):
    """Record what is exported, in place of exporting it."""
    made = []

    def export(request, rows, say):
        assert (request.run / "model").is_dir()
        made.append((request, None if rows is None else rows(None)))
        return {"format": request.format}

    monkeypatch.setattr(exportable, "export", export)
    return made


def test_the_classifier_exports_itself(fitted, tmp_path):
    content = fitted.export(tmp_path / "out", format="keras")
    assert content["check"]["rows"] == len(TEXTS) and content["check"]["equal_labels"] == len(TEXTS)
    lines = script(tmp_path / "out", TEXTS, cwd=tmp_path)
    assert [line.split("\t")[0] for line in lines] == [str(label) for label in fitted.predict(TEXTS)]


def test_rows_of_fit_check_it_validation_rows_first(fitted, tiny_model, requests, tmp_path):
    assert fitted.export(tmp_path / "out") == {"format": "onnx"}
    request, rows = requests[-1]
    assert (request.out, request.allow_drop, rows.part) == (tmp_path / "out", 0.5, "train")
    assert list(rows.examples.texts) == list(TEXTS)
    fitted._remember(rows.examples, rows.examples.take(np.arange(4)))
    fitted.export(tmp_path / "out")
    assert (requests[-1][1].part, len(requests[-1][1].examples)) == ("valid", 4)
    fitted._remember(rows.examples, None)


def test_many_rows_are_thinned_out(fitted, requests, monkeypatch, tmp_path):
    monkeypatch.setattr(exportable, "MOST_ROWS", 3)
    before = fitted._rows
    fitted._remember(before.examples, None)
    fitted.export(tmp_path / "out")
    assert list(requests[-1][1].examples.texts) == [TEXTS[0], TEXTS[(len(TEXTS) - 1) // 2], TEXTS[-1]]
    fitted._rows = before


def test_other_rows_may_be_given_or_none(fitted, requests, tmp_path):
    fitted.export(tmp_path / "out", "hf", test=(TEXTS[:2], LABELS[:2]), allow_drop=2.0)
    request, rows = requests[-1]
    assert (request.format, request.allow_drop, list(rows.examples.texts)) == ("hf", 2.0, list(TEXTS[:2]))
    fitted.export(tmp_path / "out", unchecked=True)
    assert requests[-1][1] is None
    with pytest.raises(InputError, match=r"^test must be texts and their labels, not a str; give \(texts, labels\)$"):
        fitted.export(tmp_path / "out", test="rows.csv")


def test_a_pickle_has_no_texts(fitted, requests, tmp_path):
    content = pickle.dumps(fitted)
    assert TEXTS[0].encode() not in content
    with pytest.raises(InputError, match=r"^the model has no rows .*; give test=\(texts, labels\), or unchecked=True$"):
        pickle.loads(content).export(tmp_path / "out")


def test_a_loaded_model_of_python_names_no_rows(fitted, requests, tmp_path):
    fitted.save(tmp_path / "run")
    loaded = TextClassifier.load(tmp_path / "run")
    with pytest.raises(InputError) as refused:
        loaded.export(tmp_path / "out")
    problem = f"{tmp_path / 'run'}: recipe.json names no files, as of a model from Python"
    assert str(refused.value) == f"{problem}; give test FILE, or unchecked to export without a check"
    loaded.export(tmp_path / "out", test=(TEXTS, LABELS))
    assert len(requests) == 1


def test_a_wrong_format_or_a_full_folder_is_refused(fitted, tmp_path):
    with pytest.raises(InputError, match=r"^format='tflite': must be one of hf, onnx, onnx-int8, openvino, "):
        fitted.export(tmp_path / "out", format="tflite")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"out: holds 1 file already; give a folder that does not exist$"):
        fitted.export(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
