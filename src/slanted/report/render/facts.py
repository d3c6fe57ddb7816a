"""What the run took and how to repeat it: lengths, speed, cost, recipe, versions, command."""

from collections.abc import Mapping
from typing import Any

from slanted.report.render import html
from slanted.report.render.html import facts, number, percent, text
from slanted.text.progress.progress import duration

RECIPE_KEYS = ("optimizer", "curve", "epochs", "weight_decay", "clip_norm", "layer_decay", "unfreezing", "freeze")
RECIPE_KEYS += ("dropout", "truncate")
CURVE_KEYS = {
    "slanted-triangular": ("cut_frac", "ratio"),
    "warmup-stable-decay": ("warmup", "decay"),
    "constant": ("warmup",),
    "linear": ("warmup",),
    "cosine": ("warmup",),
    "one-cycle": ("warmup",),
}
SETTING_KEYS = ("model", "batch_size", "gradient_accumulation", "max_tokens", "long", "class_weight")
SETTING_KEYS += ("valid_share", "best_by", "positive")


def lengths(report: Mapping[str, Any]) -> str:
    """Return the section of token lengths and the share cut."""
    found, most = report["data"]["lengths"], text(report["recipe"]["max_tokens"])
    share = percent(found["truncated"])
    of = "Of fold 1: the" if report["folds"] else "The"
    said = (
        f"{of} {_what(found)} have {found['mean']:.0f} tokens on average, special tokens included, {most} at most; "
        f"<strong>{share}</strong> of the texts are longer, and lose tokens{_kept(report)}.{_estimated(found)}"
    )
    rows = [[_bin(low, high), f"{whole:,}", f"{cut:,}"] for low, high, whole, cut in found["bins"]]
    table = html.table(["tokens", "of whole texts", "of cut texts"], rows, f"Tokens of the {_what(found)}", "numbers")
    says = f"Histogram of token lengths; {share} of the texts are cut"
    legend = [("c-valid", "whole"), ("c-wrong", "cut")]
    return html.section("lengths", "Lengths", html.paragraph(said), html.figure("lengths", says, table, legend))


def _what(found: Mapping[str, Any]) -> str:
    return "training texts" if found["of"] == "texts" else "chunks of the training texts"


def _estimated(found: Mapping[str, Any]) -> str:
    drawn = found.get("estimated_on")
    return "" if drawn is None else f" All of this is estimated on {drawn:,} of them, drawn at random."


def _bin(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _kept(report: Mapping[str, Any]) -> str:
    if report["data"]["lengths"]["of"] == "chunks":
        return ""
    kept = {"head": "beginning", "tail": "end"}.get(report["recipe"]["recipe"]["truncate"], "beginning and end")
    return f"; their {kept} is kept"


def cost(report: Mapping[str, Any]) -> str:
    """Return the section of speed and cost; of several folds the sums, and what each is alike in as fold 1 has it."""
    metrics, data = report["metrics"], report["data"]
    spent = data["cost"]
    padding = f"{percent(spent['padding'])} padding among what is computed"
    about = "" if data["lengths"].get("estimated_on") is None else "about "
    whole, first = (", all folds", ", fold 1") if report["folds"] else ("", "")
    pairs = [
        (f"training{whole}", duration(metrics["train_seconds"]) + ", compilation and validation included"),
        (f"training speed{whole}", f"{number(metrics['examples_per_second'])} examples a second"),
        (f"prediction speed{first}", f"{number(data['texts_per_second'])} texts a second, compilation included"),
        (f"steps{whole}", f"{metrics['total_steps']:,} of {text(report['recipe']['batch_size'])} texts"),
        (f"tokens an epoch{first}", f"{about}{spent['tokens_an_epoch']:,}, and {about}{padding}"),
        ("each model" if report["folds"] else "model", f"{spent['parameters']:,} parameters"),
        ("backend and precision", f"{text(metrics['backend'])}, {text(metrics['precision'])}"),
    ]
    if spent["peak_memory"] is not None:
        pairs.append(("memory", f"{spent['peak_memory'] / 2**20:,.0f} MiB at the most"))
    return html.section("cost", "Speed and cost", facts(pairs))


def repeat(report: Mapping[str, Any]) -> str:
    """Return the section of recipe, versions, seed and the command that repeats the run."""
    saved, recipe = report["recipe"], report["recipe"]["recipe"]
    peak = [("peak rate", number(saved["peak_rate"]))] if "peak_rate" in saved else []
    keys = (*RECIPE_KEYS, *CURVE_KEYS.get(recipe["curve"], ()))
    pairs = [("recipe", f"{text(recipe['name'])} ({text(recipe['source'])})"), *peak]
    pairs += [(key.replace("_", " "), _setting(recipe[key])) for key in keys if key in recipe]
    pairs += [(key.replace("_", " "), _setting(saved[key])) for key in SETTING_KEYS if saved.get(key) is not None]
    fold = [] if report["fold"] is None else [("fold", text(report["fold"]))]
    fold += [("folds", str(len(report["folds"])))] if report["folds"] else []
    pairs += [*fold, ("seed", _setting(saved["seed"])), *_rows(report)]
    versions = [
        (name.replace("sklearn", "scikit-learn"), text(value)) for name, value in report["data"]["versions"].items()
    ]
    parts = [facts(pairs), "<h3>Versions</h3>", facts(versions)]
    if report["command"] is not None:
        said = "This command repeats the run, to the last bit on the same machine and versions:"
        block = f'<pre tabindex="0"><code>{text(report["command"])}</code></pre>'
        parts += ["<h3>The same again</h3>", html.paragraph(said), block]
    return html.section("repeat", "Recipe, versions and command", *parts)


def _setting(value: object) -> str:
    if isinstance(value, list):
        return text(", ".join(map(str, value)) or "none")
    return "none" if value is None else number(value) if isinstance(value, float) else text(value)


def _rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {"train": "training", "valid": "validation", "test": "test"}
    counts = report["data"]["rows"]
    return [(f"{name} rows", f"{counts[part]:,}") for part, name in names.items() if part in counts]
