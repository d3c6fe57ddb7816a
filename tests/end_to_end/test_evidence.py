"""docs/make_evidence.py on sets that train in seconds: all that it does but the real data."""

import importlib.util
import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
import tiny
from untrained import without_training

pytestmark = pytest.mark.once

SCRIPT = Path(__file__).parents[2] / "docs" / "make_evidence.py"
OPTIONS = [
    "--rows",
    "24",
    "--epochs",
    "2",
    "--whole-epochs",
    "1",
    "--seeds",
    "2",
    "--lr",
    "x1",
    "--max-tokens",
    "16",
    "--batch-size",
    "8",
]
OPTIONS += ["--precision", "float32", "--quiet"]


@pytest.fixture(scope="module")
def script():
    before = os.environ.get("MPLBACKEND")
    spec = importlib.util.spec_from_file_location("make_evidence", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.RECIPES = ("constant", "stlr:layer_decay=0.95")
    if before is not None:
        os.environ["MPLBACKEND"] = before
    return module


@pytest.fixture
def untrained(monkeypatch):
    return without_training(monkeypatch)


@pytest.fixture(scope="module")
def data(tmp_path_factory, script):
    folder = tmp_path_factory.mktemp("data")
    for name in script.SETS:
        (folder / name).mkdir()
        tiny.write_rows(folder / name / "train.csv", *tiny.examples(40))
        tiny.write_rows(folder / name / "test.csv", *tiny.examples(20, seed=4))
    return folder


def test_without_data_it_says_what_to_set(script, monkeypatch, tmp_path):
    monkeypatch.delenv("SLANTED_DATA", raising=False)
    with pytest.raises(SystemExit) as end:
        script.evidence(["--work", str(tmp_path / "work")])
    assert end.value.code == (
        "error: SLANTED_DATA is not set; let it name the folder of trec6, sst2_sentences and banking77"
    )
    assert not list(tmp_path.iterdir())


def test_it_writes_the_page_and_its_pictures_from_the_comparisons(
    script,
    data,
    tiny_model,
    untrained,
    monkeypatch,
    tmp_path,
):
    monkeypatch.setenv("SLANTED_DATA", str(data))
    words = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "docs"), *OPTIONS, "--model", tiny_model]
    script.evidence(words)
    page = (tmp_path / "docs" / "evidence.md").read_text(encoding="utf-8")
    names = ("trec6_24", "sst2_sentences_24", "banking77_24", "trec6")
    for name in names:
        found = json.loads((tmp_path / "work" / name / "compare.json").read_text(encoding="utf-8"))
        for one in found["recipes"]:
            assert f"| `{one['name']}` | {one['rate']:g} | {100 * one['mean']:.2f} | " in page
        verdict = script.SHOWN[found["recipes"][1]["better"]]
        assert f"- `stlr:layer_decay=0.95`: {verdict}." in page.split(f"evidence_{name}.svg")[0].split("## ")[-1]
        assert f"(pictures/evidence_{name}.svg)" in page
        ElementTree.parse(tmp_path / "docs" / "pictures" / f"evidence_{name}.svg")
    for rows in ("24 training rows, 2 epochs, 20 test rows", "40 training rows, 1 epoch, 20 test rows"):
        assert rows in page
    assert sum(int(cell) for cell in page.split("| `stlr:layer_decay=0.95` | ")[1].split("\n")[0].split("|")[:3]) == 4

    first = {path.name: path.read_bytes() for path in (tmp_path / "docs" / "pictures").iterdir()}
    shutil.rmtree(tmp_path / "docs")
    assert len(untrained) == 4 * 2 * 2
    script.evidence(words)  # goes on: every run is finished, and the page is the same
    assert len(untrained) == 4 * 2 * 2
    assert (tmp_path / "docs" / "evidence.md").read_text(encoding="utf-8") == page
    assert {path.name: path.read_bytes() for path in (tmp_path / "docs" / "pictures").iterdir()} == first


def test_a_rate_at_the_edge_of_those_tried_is_said(script):
    def found(*chosen):
        recipes = [{"folders": [f"r{at}_lr{rate}_seed0"]} for at, rate in enumerate(chosen)]
        return {"lr": "x1,x3", "recipes": recipes}

    assert script.at_the_edge(found("x3", "x3"))
    assert not script.at_the_edge(found("x3", "x1"))
    assert not script.at_the_edge({**found("x3"), "lr": "x3"})


def test_the_rows_are_a_stratified_sample_the_same_every_time(script, tmp_path):
    source = Path(tiny.write_rows(tmp_path / "all.csv", *tiny.examples(90, ("alpha", "beta", "gamma"))))
    first = script.sample(source, tmp_path / "a" / "some.csv", 30)
    again = script.sample(source, tmp_path / "b" / "some.csv", 30)
    assert first.read_bytes() == again.read_bytes()
    header, rows = script.read(first)
    assert header == ["text", "label"]
    assert sorted(label for _, label in rows) == ["alpha"] * 10 + ["beta"] * 10 + ["gamma"] * 10
    whole = script.sample(source, tmp_path / "c" / "all.csv", 1000)
    assert script.read(whole) == script.read(source)
