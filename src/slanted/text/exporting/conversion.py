"""Convert the model of a run in a process of its own, on the backend that the format needs, and predict some rows.

Usage: python -m slanted.text.exporting.conversion WORK

WORK is a folder with job.json, see `Job`. The process writes reference.npy there, the predictions of the model itself;
or error.json, if the model cannot be converted.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slanted.errors import InputError, SlantedError
from slanted.runtime import keras_startup
from slanted.text.exporting import keras_formats, onnx_model
from slanted.text.exporting.formats import INT8, ExportFormat, format_named
from slanted.text.exporting.tokenizer_files import predict_settings
from slanted.text.exporting.transformers_folder import write_transformers_folder

JOB, REFERENCE, ERROR = "job.json", "reference.npy", "error.json"
PREDICT = "predict.json"
MOST_REASON = 300  # characters of a library's message
_KINDS = {"token_ids": "ids", "segment_ids": "types", "padding_mask": "mask"}


@dataclass(frozen=True)
class Job:
    """What the process does.

    Attributes:
        run: The folder of the run.
        place: The existing folder that the files are written to.
        format: The name of the format.
        texts: The texts to predict.
        texts_b: The second texts of pairs, or None.
    """

    run: str
    place: str
    format: str
    texts: list[str]
    texts_b: list[str] | None


def convert(job: Job, backend: str, work: Path) -> np.ndarray:
    """Convert a model in a new process, and return its predictions for the texts of the job, (texts, labels).

    Args:
        job: What to do.
        backend: The backend of Keras in the process.
        work: An empty folder.

    Raises:
        InputError: The model cannot be loaded or converted.
    """
    (work / JOB).write_text(json.dumps(asdict(job)), encoding="utf-8")
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-P", "-m", "slanted.text.exporting.conversion", str(work)]  # -P: not from this folder
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if (work / ERROR).is_file():
        raise InputError(json.loads((work / ERROR).read_text(encoding="utf-8")))
    if done.returncode or not (work / REFERENCE).is_file():
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1][:MOST_REASON] if lines else f"exit status {done.returncode}"
        raise InputError(f"--format {job.format}: the conversion ended early ({reason}); free memory, or try another")
    return np.load(work / REFERENCE, allow_pickle=False)


def run_job(work: Path) -> None:
    """Do what job.json says."""
    job = Job(**json.loads((work / JOB).read_text(encoding="utf-8")))
    try:
        reference = _converted(job)
    except SlantedError as error:
        (work / ERROR).write_text(json.dumps(str(error)), encoding="utf-8")
        return
    np.save(work / REFERENCE, reference)


def _converted(job: Job) -> np.ndarray:
    """Convert the models of a run; return their mean predictions."""
    from slanted.acceleration import fast_bert
    from slanted.text.models.fold_ensemble import DiskEnsemble, load_model

    run, place, wanted = Path(job.run), Path(job.place), format_named(job.format)
    model = load_model(run)
    parts = [folder.name for folder in model.folders] if isinstance(model, DiskEnsemble) else ["."]
    models: Any = model.models() if isinstance(model, DiskEnsemble) else [model]
    predicted, last = [], None
    for name, one in zip(parts, models, strict=True):
        wanted.check_model(job.run, one.encoder.family, one.target.kind)
        (place / name).mkdir(exist_ok=True)
        one.encoder.tokenizer.save(place)
        with fast_bert.unapplied(one.classifier):
            _write(one, wanted, place / name)
        if job.texts:
            predicted.append(one.predict(job.texts, job.texts_b))
        last = _settings(one, wanted, parts, pairs=bool(model.pairs))
    assert last is not None
    thresholds = np.broadcast_to(model.decision_thresholds, len(model.target.labels)).tolist()
    last |= {"thresholds": thresholds if model.target.kind == "multilabel" else None}
    (place / PREDICT).write_text(json.dumps(last, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return np.mean(predicted, axis=0) if predicted else np.zeros((0, len(model.target.labels)))


def _settings(model: Any, wanted: ExportFormat, parts: list[str], *, pairs: bool) -> dict[str, Any]:
    """Return the content of predict.json without the thresholds."""
    names = dict(zip(_KINDS, wanted.inputs, strict=True))
    inputs = {names[name]: _KINDS[name] for name in model.encoder.input_names}
    return {
        "task": model.target.kind,
        "labels": list(model.target.labels),
        **predict_settings(model.encoder.tokenizer, model.settings, inputs, pairs=pairs),
        "parts": parts,
    }


def _write(model: Any, wanted: ExportFormat, folder: Path) -> None:
    """Write one model.

    Raises:
        InputError: The library that converts it fails.
    """
    from slanted.text.pretrained.classifier_network import plain_model

    encoder = model.encoder
    if wanted.name == "hf":
        settings = model.settings
        write_transformers_folder(model.classifier, encoder.family, encoder.tokenizer, model.target, settings, folder)
        return
    network = plain_model(model.classifier)
    try:
        if wanted.script == "onnx":
            _write_onnx(network, encoder.input_names, folder / "model.onnx", is_int8=wanted.precision == INT8)
        else:
            names = {"keras": "model.keras", "saved-model": "saved_model"}
            names |= {"openvino": "model.xml", "litert": "model.tflite"}
            writers = {
                "keras": keras_formats.write_keras,
                "saved-model": keras_formats.write_saved_model,
                "openvino": keras_formats.write_openvino,
                "litert": keras_formats.write_litert,
            }
            writers[wanted.name](network, folder / names[wanted.name])
    except OSError:
        raise
    except Exception as error:  # of the libraries, which have no common base class for what they cannot convert
        reason = " ".join(str(error).split())[:MOST_REASON]
        problem = f"{encoder.family} cannot be converted ({type(error).__name__}: {reason})"
        raise InputError(f"--format {wanted.name}: {problem}; give another format") from None


def _write_onnx(network: Any, input_names: tuple[str, ...], path: Path, *, is_int8: bool) -> None:
    if not is_int8:
        onnx_model.write_onnx(network, input_names, path)
        return
    with onnx_model.temporary_beside(path) as exact:
        onnx_model.write_onnx(network, input_names, exact)
        onnx_model.quantise(exact, path)


if __name__ == "__main__":
    keras_startup.command_alone = True
    keras_startup.start_keras(os.environ["KERAS_BACKEND"])
    run_job(Path(sys.argv[1]))
