"""The process that converts a model: what it reads and writes, and how its failure reaches the user."""

import exported
import numpy as np
import pytest

from slanted.errors import InputError
from slanted.text.exporting import conversion
from slanted.text.exporting.conversion import ERROR, REFERENCE, Job, convert, run_job

pytestmark = pytest.mark.once


def job(folder, name="keras", texts=()):
    (folder / "out").mkdir()
    (folder / "work").mkdir()
    return Job(str(folder / "run"), str(folder / "out"), name, list(texts), None)


def test_it_writes_the_model_and_its_predictions(tmp_path):
    made = exported.saved(tmp_path, kind="multilabel")
    wanted = job(tmp_path, texts=[*exported.texts(5), "a lone surrogate \ud83d"])
    (tmp_path / "work" / conversion.JOB).write_text(conversion.json.dumps(conversion.asdict(wanted)))
    run_job(tmp_path / "work")
    np.testing.assert_allclose(np.load(tmp_path / "work" / REFERENCE), made.predict(wanted.texts, None), atol=1e-5)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"model.keras", "predict.json", "tokenizer.json"}
    assert conversion.json.loads((tmp_path / "out" / "predict.json").read_text())["thresholds"] == [0.45, 0.6]


def test_a_damaged_model_is_one_line(tmp_path):
    exported.saved(tmp_path)
    (tmp_path / "run" / "model" / "task.weights.h5").unlink()
    with pytest.raises(InputError, match=r"task\.weights\.h5: is missing; restore it or train again"):
        convert(job(tmp_path), "torch", tmp_path / "work")


def test_what_a_library_cannot_convert_is_one_line(tmp_path, monkeypatch):
    def fail(model, path):
        raise RuntimeError("no\nsuch operation")

    exported.saved(tmp_path)
    monkeypatch.setattr(conversion.keras_formats, "write_keras", fail)
    wanted = job(tmp_path)
    (tmp_path / "work" / conversion.JOB).write_text(conversion.json.dumps(conversion.asdict(wanted)))
    run_job(tmp_path / "work")
    expected = "--format keras: Bert cannot be converted (RuntimeError: no such operation); give another format"
    assert conversion.json.loads((tmp_path / "work" / ERROR).read_text()) == expected
    assert not (tmp_path / "work" / REFERENCE).exists()


def test_a_process_that_dies_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(conversion.sys, "executable", "/bin/false")
    expected = r"^--format keras: the conversion ended early \(exit status 1\); free memory, or try another$"
    with pytest.raises(InputError, match=expected):
        convert(job(tmp_path), "torch", tmp_path / "work")
