"""Draw the pictures of README.md and of the pages in docs/; the report's is made by make_report_picture.py.

Usage: python docs/make_pictures.py [FOLDER]

They are drawn from the curves and recipes themselves, into docs/pictures unless another folder is given.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["MPLBACKEND"] = "svg"

import keras
from matplotlib import pyplot

import slanted

pyplot.rcParams["svg.hashsalt"] = "slanted"  # the same file every time
STEPS = 1000
CURVES = {
    "slanted-triangular": slanted.SlantedTriangular(1.0),
    "linear": slanted.LinearWarmup(1.0),
    "cosine": slanted.CosineWarmup(1.0),
    "one-cycle": slanted.OneCycle(1.0),
    "warmup-stable-decay": slanted.WarmupStableDecay(1.0),
    "constant": slanted.ConstantWarmup(1.0),
}


def curves() -> pyplot.Figure:
    """Return one small picture for each curve, on one scale."""
    figure, axes = pyplot.subplots(2, 3, figsize=(9, 4.2), sharex=True, sharey=True, layout="constrained")
    for ax, (name, curve) in zip(axes.flat, CURVES.items(), strict=True):
        curve.plot(STEPS, ax=ax)
        ax.set_title(name, fontsize="medium")
        ax.set_xlabel("")
        ax.set_ylabel("")
    figure.supxlabel(f"step of a run of {STEPS:,}", fontsize="medium")
    figure.supylabel("rate / peak", fontsize="medium")
    return figure


def slanted_triangular() -> pyplot.Figure:
    """Return the curve that the package is named for, with the settings of the paper."""
    figure, ax = pyplot.subplots(figsize=(6.4, 2.6), layout="constrained")
    slanted.SlantedTriangular(2e-5, cut_frac=0.1, ratio=32).plot(STEPS, ax)
    ax.set_title("SlantedTriangular(lr_max=2e-5, cut_frac=0.1, ratio=32)", fontsize="medium")
    return figure


def stack() -> keras.Model:
    """Return a model with the groups of a transformer of six blocks."""
    layers = [keras.layers.Dense(2, name=name) for name in ("embeddings", *(f"block_{n}" for n in range(6)), "head")]
    return keras.Sequential([keras.Input((2,)), *layers])


def groups(name: str) -> pyplot.Figure:
    """Return the rates of a recipe's layer groups."""
    figure, ax = pyplot.subplots(figsize=(6.4, 3.2), layout="constrained")
    recipe = slanted.recipes()[name]
    slanted.plan(stack(), recipe, STEPS, lr_max=recipe.peak_rate(384)).plot(ax)
    ax.set_title(f"{name}, six blocks of hidden size 384", fontsize="medium")
    return figure


def main() -> None:
    """Write the pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"stlr": slanted_triangular(), "curves": curves(), "ulmfit": groups("ulmfit"), "sun2019": groups("sun2019")}
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
