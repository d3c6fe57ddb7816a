"""Runs of a comparison that nobody trained, with scores of one's own choice."""

from pathlib import Path

from slanted.compare.recipe_variants import Variant
from slanted.compare.results import Measured
from slanted.compare.run_grid import Run
from slanted.recipe.recipe import Recipe
from slanted.text.settings import Settings


def measured(scores, name="a", rate=None, lr=1e-3, epochs=3, valid=None):
    """Return runs of a recipe with these test scores, seed by seed; None: it failed."""
    runs = []
    for seed, score in enumerate(scores):
        made = Run(
            Variant(name, Recipe(epochs=epochs)),
            rate,
            Settings(recipe=Recipe(epochs=epochs), seed=seed),
            Path(f"{name}{seed}"),
        )
        own = {"accuracy": score, "loss": 1.0} if score is not None else None
        checked = {"accuracy": valid if valid is not None else 0.5, "loss": 1.0}
        base = {"tfidf": {"accuracy": 0.7}, "majority": {"accuracy": 0.2}}
        metrics = {"task": "single", "train_seconds": 60.0, "valid": checked, "test": own, "baselines": base}
        runs.append(Measured(made, None if score is None else metrics, None if score is None else lr))
    return runs
