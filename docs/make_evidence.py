"""Measure what each recipe gives on public data sets, and write evidence.md with its pictures.

Usage: SLANTED_DATA=FOLDER python docs/make_evidence.py --work FOLDER [--out docs] [options of `slanted compare`]

SLANTED_DATA names a folder of trec6, sst2_sentences and banking77, each with train.csv and test.csv, whose columns are
text and label. Started again with the same --work it goes on where it was. Options it does not know go to every
`slanted compare`.
"""

import argparse
import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["MPLBACKEND"] = "svg"

import numpy as np
from matplotlib import pyplot

from slanted.cli import main
from slanted.compare.folder import COMPARISON, RUNS
from slanted.text.labels.splits import stratified_rows
from slanted.text.runs.run_folder import RECIPE

pyplot.rcParams["svg.hashsalt"] = "slanted"  # the same file every time
RECIPES = ("constant", "linear", "cosine", "one-cycle", "stlr", "stlr:layer_decay=0.95", "ulmfit")
SETS = {
    "trec6": "TREC-6, six types of questions",
    "sst2_sentences": "SST-2, the sentiment of sentences",
    "banking77": "BANKING77, 77 intents of bank customers",
}
WHOLE = "trec6"
SHOWN = {True: "better than the first", None: "no difference shown", False: "worse than the first"}
Found = dict[str, Any]  # what compare.json says, and more of the data

PAPERS = """\
## Beside the papers

What the papers report, in percent of error, lower is better:

| paper | data | without | with | what differs |
|---|---|---|---|---|
| Howard, Ruder 2018: LSTM | IMDb, TREC-6, AG | 6.37, 6.86, 5.81 | 5.04, 6.02, 5.35 | STLR, beside gradual unfreezing |
| | | 5.39, 5.86, 6.04 | 5.00, 5.69, 5.38 | STLR, beside unfreezing and a rate for each layer |
| | | 5.70, 6.38, 5.29 | 5.04, 6.02, 5.35 | STLR in place of a cosine |
| | | 6.87, 6.86, 5.81 | 5.57, 6.21, 5.62 | a rate for each layer |
| | | 6.87, 6.86, 5.81 | 6.37, 6.86, 5.81 | gradual unfreezing |
| Sun et al. 2019, BERT-base | IMDb | 5.42 | 5.40 | a layer decay of 0.95 |
| | | 5.42 | 5.65 | a layer decay of 0.85 |

Neither reports deviations over seeds. Zhang et al. 2020 (BERT-large, 1,000 training rows) found 0 to 0.5 points for a
layer decay. Mosbach et al. 2020 found that a warm-up, bias-corrected Adam and 20 epochs raise BERT-large on RTE from
52.3 to 70.1 % mean accuracy, and bring its deviation over seeds from 7.2 down to 2.4; BERT-base was stable without.
"""


def arguments(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the parsed options, and those for `slanted compare`."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], allow_abbrev=False)
    parser.add_argument("--work", type=Path, required=True, help="the folder of all runs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where evidence.md goes")
    parser.add_argument("--rows", type=int, default=1000, help="training rows of each set (default: 1000)")
    parser.add_argument("--epochs", type=int, default=5, help="the same for every recipe (default: 5)")
    parser.add_argument("--whole-epochs", type=int, default=4, help="on the set that is whole (default: 4)")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe and rate (default: 3)")
    parser.add_argument("--lr", default="x1,x3", help="rates, times each recipe's own (default: x1,x3)")
    return parser.parse_known_args(words)


def asked(options: argparse.Namespace) -> list[str]:
    """Return the options that are not as they are without being given, but for the folders."""
    plain = vars(arguments(["--work", str(options.work), "--out", str(options.out)])[0])
    return [f"--{name.replace('_', '-')} {value}" for name, value in vars(options).items() if value != plain[name]]


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def sample(source: Path, target: Path, count: int) -> Path:
    """Write `count` rows of a file, every class in its share, the same every time."""
    header, rows = read(source)
    labels = [row[header.index("label")] for row in rows]
    classes = np.unique(labels, return_inverse=True)[1]
    chosen = (
        stratified_rows(classes, count / len(rows), np.random.default_rng(0)) if count < len(rows) else range(len(rows))
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *(rows[at] for at in chosen)])
    return target


def compare(name: str, train: Path, test: Path, epochs: int, options: argparse.Namespace, more: Sequence[str]) -> Found:
    """Run the comparison of one data set and return what compare.json says."""
    out = options.work / name
    words = ["compare", str(train), "--test", str(test), "--out", str(out), "--recipes", ",".join(RECIPES)]
    words += ["--epochs", str(epochs), "--seeds", str(options.seeds), "--lr", options.lr, *more]
    status = main(words)
    if status:
        sys.exit(status)
    found = json.loads((out / COMPARISON).read_text(encoding="utf-8"))
    recipe = json.loads(next((out / RUNS).glob(f"*/{RECIPE}")).read_text(encoding="utf-8"))
    return {
        **found,
        "name": name,
        "epochs": epochs,
        "lr": options.lr,
        "model": Path(recipe["model"]).name,
        "rows": len(read(train)[1]),
        "tested": len(read(test)[1]),
    }


def measure(options: argparse.Namespace, more: Sequence[str]) -> dict[str, Found]:
    """Return the comparisons: each set cut to some rows, and one whole."""
    data = Path(os.environ["SLANTED_DATA"])
    found = {}
    for name in SETS:
        train = sample(data / name / "train.csv", options.work / "data" / f"{name}_{options.rows}.csv", options.rows)
        cut, test = f"{name}_{options.rows}", data / name / "test.csv"
        found[cut] = compare(cut, train, test, options.epochs, options, more)
    train, test = (data / WHOLE / f"{part}.csv" for part in ("train", "test"))
    found[WHOLE] = compare(WHOLE, train, test, options.whole_epochs, options, more)
    return found


def draw(found: Found, path: Path) -> None:
    """Draw each seed's score, and the differences to the first recipe in their intervals."""
    names = [one["name"] for one in found["recipes"]]
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(9, 0.6 + 0.36 * len(names)), sharey=True, layout="constrained"
    )
    for at, one in enumerate(found["recipes"]):
        left.plot(one["scores"], [at] * len(one["scores"]), "o", color=f"C{at}", alpha=0.7)
        if one["mean"] is not None:
            left.plot(one["mean"], at, "|", color="0.2", markersize=14)
        difference = one["difference"]
        if difference is not None:
            right.plot(difference["mean"], at, "o", color=f"C{at}")
        if difference is not None and difference["low"] is not None:
            right.plot([difference["low"], difference["high"]], [at, at], color=f"C{at}", linewidth=2)
    left.axvline(found["baselines"]["tfidf"], color="0.6", linestyle="--")
    right.axvline(0.0, color="0.3")
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    left.set_xlabel(f"test {found['score']}; stroke: mean; dashed: TF-IDF")
    right.set_xlabel(f"minus {names[0]}, 95 % interval")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def number(value: float | None, sign: str = "") -> str:
    """Return a score in percent, or a dash."""
    return "–" if value is None else f"{100 * value:{sign}.2f}"


def interval(difference: Found | None) -> str:
    """Return the ends of a difference's interval."""
    if difference is None or difference["low"] is None:
        return "–"
    return f"{number(difference['low'], '+')} to {number(difference['high'], '+')}"


def table(found: Found) -> str:
    """Return the table of one comparison."""
    first = found["recipes"][0]["name"]
    lines = [
        f"| recipe | peak rate | {found['score']} | deviation | minus {first} | 95 % interval | seconds |",
        "|---" * 7 + "|",
    ]
    for one in found["recipes"]:
        rate, seconds = one["rate"], one["train_seconds"]
        cells = [
            f"`{one['name']}`",
            "–" if rate is None else f"{rate:g}",
            number(one["mean"]),
            number(one["deviation"]),
        ]
        cells += [number((one["difference"] or {}).get("mean"), "+"), interval(one["difference"])]
        lines.append(f"| {' | '.join([*cells, '–' if seconds is None else f'{seconds:.0f}'])} |")
    lines.append(f"| TF-IDF + linear model | | {number(found['baselines']['tfidf'])} | | | | |")
    return "\n".join(lines)


def at_the_edge(found: Found) -> bool:
    """Return whether every recipe's rate is the highest of several tried."""
    tried = found["lr"].split(",")
    chosen = [folder for one in found["recipes"] for folder in one["folders"]]
    return len(tried) > 1 and all(f"_lr{tried[-1]}_seed" in folder for folder in chosen)


def section(found: Found) -> str:
    """Return the section of one comparison."""
    name = next(name for name in SETS if found["name"].startswith(name))
    verdicts = "\n".join(f"- `{one['name']}`: {SHOWN[one['better']]}." for one in found["recipes"][1:])
    if at_the_edge(found):
        verdicts += "\n\nEvery recipe was best at the highest rate tried: at higher ones it may do better."
    picture = f"![Scores and differences](pictures/evidence_{found['name']}.svg)"
    epochs = "1 epoch" if found["epochs"] == 1 else f"{found['epochs']} epochs"
    head = f"## {SETS[name]}: {found['rows']:,} training rows, {epochs}, {found['tested']:,} test rows"
    return f"{head}\n\n{table(found)}\n\n{verdicts}\n\n{picture}\n"


def summary(comparisons: dict[str, Found]) -> str:
    """Return in a few sentences what all comparisons show."""
    counts = {recipe: Counter() for recipe in RECIPES[1:]}
    for found in comparisons.values():
        for one in found["recipes"][1:]:
            counts[one["name"]][SHOWN[one["better"]]] += 1
    lines = [f"| recipe | better than {RECIPES[0]} | no difference shown | worse |", "|---" * 4 + "|"]
    for recipe, found in counts.items():
        cells = " | ".join(str(found[shown]) for shown in SHOWN.values())
        lines.append(f"| `{recipe}` | {cells} |")
    return f"Of {len(comparisons)} comparisons each, by the 95 % interval of the paired differences:\n\n" + "\n".join(
        lines
    )


def page(comparisons: dict[str, Found], options: argparse.Namespace, more: Sequence[str]) -> str:
    """Return evidence.md."""
    first = next(iter(comparisons.values()))
    machine, rates = first["machine"], options.lr.split(",")
    threads = os.environ.get("OMP_NUM_THREADS")
    one = [f"OMP_NUM_THREADS={threads}"] if threads else []  # what the seconds depend on
    command = " ".join(
        [*one, "SLANTED_DATA=...", "python docs/make_evidence.py --work runs/evidence", *asked(options), *more]
    )
    given = "" if not rates[0].startswith("x") else " times that of the recipe"
    return f"""\
# Does it help? The recipes measured

Written by `{command}`, which measured all numbers and drew all pictures below.

Model {first["model"]}, batches of {first["asked"]["options"]["batch_size"]}, backend {machine["backend"]},
precision {machine["precision"]}, slanted {first["slanted"]}; the epochs in each title are the same for every recipe.
Each recipe is trained with {options.seeds} seeds at the peak rates {", ".join(rates)}{given}. The rate is chosen by the
mean accuracy on validation rows, a tenth of the training rows; the scores are those of the test rows. A seed determines
the validation split, the batch order, the new layers and dropout; they are the same for every recipe, so that the
differences are paired. The intervals are those of Student's t for the mean difference over seeds. They do not cover the
sampling of the test rows, which adds to the uncertainty. Scores and differences are in percent.

{summary(comparisons)}

{chr(10).join(section(found) for found in comparisons.values())}
{PAPERS}"""


def evidence(words: Sequence[str]) -> None:
    """Measure, draw, write."""
    options, more = arguments(words)
    if not os.environ.get("SLANTED_DATA"):
        sys.exit("error: SLANTED_DATA is not set; let it name the folder of trec6, sst2_sentences and banking77")
    comparisons = measure(options, more)
    pictures = options.out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, found in comparisons.items():
        draw(found, pictures / f"evidence_{name}.svg")
    (options.out / "evidence.md").write_text(page(comparisons, options, more), encoding="utf-8")


if __name__ == "__main__":
    evidence(sys.argv[1:])
