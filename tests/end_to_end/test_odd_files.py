"""A file that only options can read: trained on, resumed, evaluated, predicted and repeated as it was read first."""

import json
import shlex
from pathlib import Path

import pytest
import tiny

from slanted.cli import main
from slanted.report.read.run_reader import command, read_recipe

pytestmark = pytest.mark.once

FORM = ["--no-header", "--columns", "title,kind,body,part,author", "--separator", "tab", "--quotes", "none"]
USES = ["--text", "title", "--text", "body", "--label", "kind", "--split", "part", "--group", "author"]


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts, labels = tiny.examples(40)
    kinds = {"alpha": "[1, 0, 0]", "beta": "[0, 1, 0]", "gamma": "[0, 1, 1]"}
    lines = [
        f'"{text}\t{kinds[label]}\t{"" if at % 7 == 0 else text}\t{"test" if at % 5 == 0 else "train"}\t{at // 2}\n'
        for at, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]
    (tmp_path / "rows.txt").write_text("".join(lines))
    return lines


def test_every_command_reads_a_file_as_training_did(rows, tiny_model, capsys):
    words = ["train", "rows.txt", "--out", "run", *FORM, *USES, "--model", tiny_model, *tiny.RUN_OPTIONS]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "text from columns 'title', 'body' (joined)" in printed
    assert "holds lists of 3 numbers 0 or 1, a label each" in printed
    recipe = json.loads(Path("run/recipe.json").read_text())
    assert recipe["files"]["columns"] == FORM[2].split(",") and recipe["files"]["header"] is False
    assert recipe["columns"]["more_texts"] == ["body"] and recipe["columns"]["text_separator"] == "\n"

    assert main([*words, "--resume"]) == 0
    capsys.readouterr()
    assert main([*words, "--quotes", "csv", "--resume"]) == 2
    assert "--quotes: is given twice" in capsys.readouterr().err
    assert main([*[word if word != "none" else "auto" for word in words], "--resume"]) == 2
    assert "was started with --quotes none, not auto; give the same again" in capsys.readouterr().err

    test = [line for line in rows if "\ttest\t" in line]
    Path("test.txt").write_text("".join(test))
    assert main(["evaluate", "run", "test.txt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(Path("run/metrics.json").read_text())["test"]
    assert main(["predict", "run", "test.txt", "--out", "p.csv"]) == 0
    assert Path("p.csv").read_text() == Path("run/predictions.csv").read_text()
    assert len(Path("p.csv").read_text().splitlines()) - 1 == len(test) == 8
    quoted = "\n".join("\t".join(f'"{cell}"' for cell in line[1:-1].split("\t")) for line in test)
    Path("quoted.txt").write_text(quoted)
    for quotes in ("none", "auto", "csv"):
        given = [] if quotes == "none" else ["--quotes", quotes]
        assert main(["predict", "run", "quoted.txt", *given, "--out", f"{quotes}.csv"]) == 0
    assert Path("auto.csv").read_text() == Path("csv.csv").read_text() != Path("none.csv").read_text()
    named = "".join("\t".join(line.split("\t")[::2][:2]) + "\n" for line in ["title\t\tbody\t\n", *test])
    Path("named.txt").write_text(named)
    assert main(["predict", "run", "named.txt", "--header", "--out", "q.csv"]) == 0
    assert Path("q.csv").read_text() == Path("p.csv").read_text()

    repeat = shlex.split(command(read_recipe(Path("run")), Path("run")))[1:]
    capsys.readouterr()
    assert main(["plan", *[word for word in repeat if word not in ("train", "--out", "run-again")], "--json"]) == 0
    json.loads(capsys.readouterr().out)
