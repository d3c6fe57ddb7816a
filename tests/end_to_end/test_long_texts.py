"""`--long chunk` from end to end: what is trained, how documents are pooled, and that a saved run does the same."""

import json
import re

import numpy as np
import pytest
import tiny
from run_files import read, table

from slanted import TextClassifier
from slanted.cli import main
from slanted.errors import SettingError
from slanted.text.models.text_model import TextModel
from slanted.text.scoring.outputs_and_losses import probabilities_of

OPTIONS = ["--lr", "0.01", "--batch-size", "8", "--max-tokens", "16", "--precision", "float32", "--epochs", "2"]
SAID = "of 40 training texts, 16 tokens each; 0.0% of the texts have more than 16\n"


def documents(count, seed=0):
    """Texts of which every second is long: the word that tells its label is among its last."""
    texts, labels = tiny.examples(count, seed=seed)
    before = "the old here " * 12
    return [before + text if at % 4 < 2 else text for at, text in enumerate(texts)], labels


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_model):
    folder = tmp_path_factory.mktemp("long")
    train = tiny.write_rows(folder / "train.csv", *documents(44))
    test = tiny.write_rows(folder / "test.csv", *documents(16, seed=5))
    command = ["train", train, "--test", test, "--out", str(folder / "run"), "--model", tiny_model, *OPTIONS]
    assert main([*command, "--long", "chunk"]) == 0
    return folder


def test_every_chunk_is_trained_on(run):
    model = TextModel.load(run / "run")
    metrics, steps = read(run / "run" / "metrics.json"), len(table(run / "run" / "history.csv"))
    texts = [row["text"] for row in table(run / "train.csv")]
    chunks = len(model.encoder.tokenizer.encode_chunks(texts, 16)[0])
    assert metrics["examples"] == 40 and metrics["total_steps"] == steps
    assert chunks > 80 and abs(steps / 2 - chunks * 40 / 44 / 8) < 3
    assert read(run / "run" / "recipe.json")["long"] == "chunk"


def test_a_document_has_the_mean_of_its_chunks_outputs(run):
    model = TextModel.load(run / "run")
    texts = [row["text"] for row in table(run / "test.csv")]
    encoded, owners = model.encoder.tokenizer.encode_chunks(texts, 16)
    words = [model.encoder.tokenizer._tokenizer.decode(encoded.row(at)[0].tolist()) for at in range(len(encoded))]
    alone = model.outputs(words, None)  # each chunk as a text of its own
    assert len(alone) == len(owners) > 16
    means = np.array([alone[owners == at].mean(axis=0) for at in range(16)])
    np.testing.assert_allclose(model.outputs(texts, None), means, atol=1e-5)
    rows = table(run / "run" / "predictions.csv")
    found = [[float(row["probability_alpha"]), float(row["probability_beta"])] for row in rows]
    np.testing.assert_allclose(found, probabilities_of("single", means), atol=1e-5)


def test_the_run_is_used_as_it_was_trained(run, tmp_path, capsys):
    assert main(["predict", str(run / "run"), str(run / "test.csv"), "--out", str(tmp_path / "p.csv")]) == 0
    assert (tmp_path / "p.csv").read_bytes() == (run / "run" / "predictions.csv").read_bytes()
    loaded = TextClassifier.load(run / "run")
    assert loaded.long == "chunk"
    texts = [row["text"] for row in table(run / "test.csv")]
    assert loaded.predict(texts).tolist() == [row["prediction"] for row in table(tmp_path / "p.csv")]


@pytest.mark.once
def test_how_many_texts_lose_tokens_is_said_with_what_to_do(run, tiny_model, capsys):
    command = ["plan", str(run / "train.csv"), "--model", tiny_model, *OPTIONS]
    assert main(command) == 0
    options = "--max-tokens 64, or --truncate head+tail, or --long chunk, which reads them whole"
    printed = capsys.readouterr().out
    share = re.search(r"tokens at most, (.*)% of the training texts are longer", printed)
    assert share and 40 < float(share[1]) < 60
    assert f"note: {share[1]}% of the training texts lose tokens; try {options}\n" in printed
    assert main([*command, "--long", "chunk"]) == 0
    printed = capsys.readouterr().out
    assert SAID in printed and "lose tokens" not in printed


@pytest.mark.once
def test_pairs_are_refused_in_python(tiny_model):
    pairs = np.array([["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]], dtype=object)
    with pytest.raises(SettingError, match="Argument `long` must be truncate where the texts are pairs"):
        TextClassifier(tiny_model, long="chunk", precision="float32").fit(pairs, ["x", "y", "x", "y"])


@pytest.mark.once
def test_runs_from_before_load_without_the_setting(run, tmp_path):
    import shutil

    old = shutil.copytree(run / "run", tmp_path / "old")
    recipe = read(old / "recipe.json")
    for name in ("long", "class_weight", "folds"):
        del recipe[name]
    (old / "recipe.json").write_text(json.dumps(recipe))
    settings = TextModel.load(old).settings
    assert (settings.long, settings.class_weight, settings.folds) == ("truncate", "none", 0)
