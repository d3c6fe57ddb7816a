"""The base class of TextClassifier and TextRegressor: parameters, fit, save and load of a scikit-learn estimator."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import field, fields, make_dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from slanted.common.python_words import errors_in_python, in_python
from slanted.common.setting_fields import setting, setting_fields
from slanted.errors import InputError, SettingError, missing_extra
from slanted.recipe.named import recipe_named
from slanted.recipe.recipe import Recipe
from slanted.runtime import threads
from slanted.text.exporting.exportable import Exportable
from slanted.text.labels.data_notes import Hashed, notes_on_rows, notes_on_validation
from slanted.text.labels.example_weights import as_weights, weighed
from slanted.text.labels.examples import Examples
from slanted.text.labels.splits import fold_rows
from slanted.text.labels.targets import Target, infer_target
from slanted.text.progress.progress import Progress, shown_as_fold
from slanted.text.rows.python_texts import as_texts, kinds_of_texts
from slanted.text.runs.run_data import check_target, hold_out, with_valid_share
from slanted.text.runs.starting_model import model_sums, require_unchanged_model
from slanted.text.settings import Settings
from slanted.text.tokens.documents import check_chunkable

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils.validation import check_is_fitted
except ImportError:
    raise missing_extra("text", "A text classifier") from None


_ESTIMATORS = "slanted.text.estimators"  # a user's subclass may load models of any task
_OF_RECIPE = {"lr": "lr_max", "epochs": "epochs", "truncate": "truncate"}
_CHOICES = {f.name: f.metadata["choices"] or () for cls in (Settings, Recipe) for f in setting_fields(cls)}
_CHOICES |= {"lr": (), "valid": ()}
_SHARED = [f.name for f in setting_fields(Settings) if f.name not in ("model", "recipe", "task", "backend", "threads")]


def _parameters() -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the type and the field of each parameter of an estimator, from those of Settings and Recipe."""
    settings, recipe = ({f.name: f for f in fields(cls)} for cls in (Settings, Recipe))
    yield "model", str, setting(settings["model"].default, settings["model"].metadata["help"])
    yield "recipe", str | Recipe, setting("stlr", f"a `slanted.Recipe`, {settings['recipe'].metadata['help']}")
    for name, source in _OF_RECIPE.items():
        kind: Any = recipe[source].type
        text = f"{recipe[source].metadata['help']}; None: that of the recipe"
        yield name, kind | None, field(default=None, kw_only=True, metadata={"help": text})
    for name in _SHARED:
        kind, default = settings[name].type, settings[name].default
        if name == "class_weight":
            kind, default = str | None, None  # as in scikit-learn
        yield name, kind, field(default=default, kw_only=True, metadata=settings[name].metadata)
    yield "verbose", bool, field(default=False, kw_only=True, metadata={"help": "print progress"})


# `repr` and equality are those of scikit-learn, which compares estimators by identity.
_Parameters: Any = make_dataclass("_Parameters", _parameters(), bases=(BaseEstimator,), repr=False, eq=False)


class TextEstimator(Exportable, _Parameters):
    """Base class of TextClassifier and TextRegressor: `__init__` stores its parameters, `fit` checks and uses them.

    `__init__` is that of a dataclass with a parameter for each setting of a run.
    """

    _task = "auto"

    @errors_in_python(_CHOICES)
    def fit(self, texts: Any, labels: Any, sample_weight: Any = None, valid: tuple[Any, Any] | None = None) -> Self:
        """Fine-tune the pretrained encoder on texts and their labels.

        Args:
            texts: n texts: a sequence, array or Series of strings; pairs of texts in shape (n, 2), such as a DataFrame
                with two columns.
            labels: n labels. For a classifier strings, integers or booleans, (n,), or for several labels 0 and 1,
                (n, labels), as MultiLabelBinarizer returns them. For a regressor floats, (n,) or (n, targets).
            sample_weight: n weights, numbers >= 0 by which the losses of the texts are multiplied, in addition to the
                weights of `class_weight`. The loss of a batch is their mean, as in Keras. None: all weights are 1.
            valid: The validation split, (texts, labels), which selects the best epoch; None: a share `valid_share` of
                the rows, which is 0 by default for fewer than 2,000 rows (but not for several labels): the last epoch
                is then the model. Not with `folds`, where each fold has its own validation split.

        Returns:
            The fitted estimator.

        Raises:
            InputError: A text, a label, a weight or a setting is invalid.
            TrainingFailed: The loss is not finite.
        """
        if labels is None:
            problem = f"{type(self).__name__} requires y to be passed, but the target y is None"
            raise InputError(f"{problem}; give a label for each text")
        settings = self._settings()
        target = infer_target(labels, self._task)
        if target.kind == "regression" and self._task == "auto":
            problem = f"Unknown label type: labels must be classes for TextClassifier: {target.reason}"
            raise InputError(f"{problem}; use TextRegressor for numbers")
        train = self._examples(texts, labels, target)
        train = weighed(target, train, as_weights(sample_weight, len(train)))
        check_target(target, settings)
        check_chunkable(settings, train.texts_b)
        settings = _on_machine(settings, train)
        self._say(notes_on_rows(target, Hashed.of(train)) if self.verbose else [])
        self.__dict__.pop("out_of_fold_", None)  # of an earlier fit
        (self._fit_folds if settings.folds else self._fit_one)(target, train, settings, valid)
        return self

    def _fit_one(self, target: Target, train: Examples, settings: Settings, valid: tuple[Any, Any] | None) -> None:
        validation = None if valid is None else self._valid_examples(valid, target, train)
        if validation is None:
            settings = with_valid_share(settings, train, target, are_scored_elsewhere=True)
        settings = replace(settings, valid_share=settings.held_out_share)
        if validation is None and settings.held_out_share > 0.0:
            train, validation = hold_out(train, target, settings)
        share = settings.held_out_share if valid is None else None
        self._say(notes_on_validation(target, train, validation, (), share))
        model, self.history_ = _fitted(target, train, validation, settings, self._progress())
        self._adopt(model)
        self._remember(train, validation)

    def _fit_folds(self, target: Target, train: Examples, settings: Settings, valid: Any) -> None:
        from slanted.text.models.fold_ensemble import MemoryEnsemble

        if valid is not None:
            raise SettingError("folds", "0 where `valid` is given: each fold has its own validation split", self.folds)
        folds = fold_rows(target, train, settings)
        self._say(notes_on_validation(target, train, None, folds, settings.held_out_share))
        of_fold = replace(settings, folds=0, valid_share=settings.held_out_share, calibrate="none")
        progress, before = self._progress(), model_sums(settings.model)
        models, self.history_ = [], []
        for number, fold in enumerate(folds):
            validation = train.take(fold.valid) if len(fold.valid) else None
            shown = shown_as_fold(progress, number, len(folds))
            model, history = _fitted(target, train.take(fold.train), validation, of_fold, shown)
            require_unchanged_model(settings.model, before)
            models.append(model)
            of_fold = model.settings  # what the first fold decided
            self.history_.append(history)
        of_all = replace(of_fold, folds=settings.folds, calibrate=settings.calibrate)
        self._adopt(MemoryEnsemble(models, of_all).calibrated(train, folds))
        self._remember(train, None)
        out_of_fold, _ = self.model_.predict_out_of_fold(train, folds)
        self.out_of_fold_ = self._in_shape_of_labels(out_of_fold)

    def _say(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._progress().say(line)

    def _progress(self) -> Progress:
        return Progress(quiet=not self.verbose, wording=lambda text: in_python(text, _CHOICES))

    def __sklearn_tags__(self) -> Any:
        """Return the tags for scikit-learn: X is a one-dimensional array of strings."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array, tags.input_tags.two_d_array, tags.input_tags.string = True, False, True
        tags.target_tags.required = True
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = True
        if tags.regressor_tags is not None:
            tags.target_tags.multi_output = True
        return tags

    def _settings(self) -> Settings:
        """Return the checked settings, with the backend that Keras runs on and its threads."""
        import keras

        if not isinstance(self.recipe, (str, Recipe)):
            raise SettingError("recipe", "a recipe, its name, or the path of a run's recipe.json", self.recipe)
        recipe = self.recipe if isinstance(self.recipe, Recipe) else recipe_named(self.recipe)
        recipe = recipe.with_settings(lr_max=self.lr, epochs=self.epochs, truncate=self.truncate)
        values: dict[str, Any] = {name: getattr(self, name) for name in _SHARED}
        values["class_weight"] = self.class_weight or "none"
        values["positive"] = None if self.positive is None else str(self.positive)  # the names of labels are strings
        backend = keras.backend.backend()
        machine = {"backend": backend, "threads": threads.threads_of(backend)}
        return Settings(recipe=recipe, model=self.model, task=self._task, **machine, **values)

    @staticmethod
    def _examples(texts: Any, labels: Any, target: Target) -> Examples:
        first, second = as_texts(texts)
        y = target.encode(labels)
        if len(y) != len(first):
            raise InputError(f"there must be one label for each text, not {len(y)} labels for {len(first)} texts")
        return Examples(first, second, y)

    def _valid_examples(self, valid: Any, target: Target, train: Examples) -> Examples:
        if not isinstance(valid, (tuple, list)) or len(valid) != 2:
            problem = f"valid must be texts and their labels, not a {type(valid).__name__}"
            raise InputError(f"{problem}; give (texts, labels)")
        validation = self._examples(valid[0], valid[1], target)
        if (validation.texts_b is None) != (train.texts_b is None):
            expected, received = kinds_of_texts(train.texts_b is not None)
            raise InputError(f"texts of valid are {received}, but the training texts are {expected}; give {expected}")
        return validation

    def _adopt(self, model: Any) -> None:
        self.model_ = model
        self.target_ = model.target
        self.pairs_ = model.pairs

    def _in_shape_of_labels(self, predicted: np.ndarray) -> np.ndarray:
        """Return predictions, (n, outputs), in the shape of the labels."""
        return predicted

    @errors_in_python(_CHOICES)
    def _outputs(self, texts: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        first, second = as_texts(texts)
        if self.pairs_ not in (None, second is not None):
            expected, received = kinds_of_texts(second is None)
            raise InputError(f"texts are {received}, but fit was given {expected}; give {expected}")
        return self.model_.predict(first, second)

    @errors_in_python(_CHOICES)
    def save(self, folder: str | Path) -> None:
        """Save the fitted model to a new or empty folder, in the format of `slanted train`.

        Args:
            folder: The folder; created if it does not exist.

        Raises:
            InputError: The folder is not empty, or cannot be written to.
            NotFittedError: `fit` was not called.
        """
        from slanted.common.atomic_files import disk_errors
        from slanted.text.runs.run_folder import RunFolder

        check_is_fitted(self, "model_")
        with RunFolder(Path(folder)).claim() as place, disk_errors(Path(folder)):
            self.model_.save(place)

    @classmethod
    @errors_in_python(_CHOICES)
    def load(cls, folder: str | Path) -> Self:
        """Load a fitted estimator from a folder that `save` or `slanted train` wrote.

        Args:
            folder: The folder.

        Returns:
            The fitted estimator, with the parameters of its training; without `history_` and `out_of_fold_`.

        Raises:
            InputError: A file of the folder is missing or corrupt, or the model is of another task.
        """
        from slanted.text.models.fold_ensemble import load_model

        model = load_model(Path(folder))
        settings = model.settings
        values = {name: getattr(settings, name) for name in _SHARED}
        values["class_weight"] = None if settings.class_weight == "none" else settings.class_weight
        estimator = cls(settings.model, settings.recipe, **values)
        estimator._check_kind(folder, model.target)
        estimator._adopt(model)
        estimator._folder = Path(folder)
        return estimator

    def _check_kind(self, folder: str | Path, target: Target) -> None:
        other = "TextClassifier" if target.kind != "regression" else "TextRegressor"
        if type(self).__name__ != other and type(self).__module__ == _ESTIMATORS:
            raise InputError(f"{folder}: contains a {target.kind} model; load it with slanted.{other}.load")


def _on_machine(settings: Settings, train: Examples) -> Settings:
    """Return the settings with the precision for training on these rows, and with the version of the model."""
    from slanted.runtime import backend_choice
    from slanted.text.pretrained.hub import pinned
    from slanted.text.training.workload import fit_work

    work = None
    if settings.precision == "auto":
        work = replace(fit_work((train, None, None), settings), models=max(1, settings.folds))
    choice = backend_choice.choose(settings.backend, settings.precision, _to_standard_error, work)
    threads.note_if_busy(settings.backend, _to_standard_error)
    return replace(settings, precision=choice.precision, model=pinned(settings.model))


def _to_standard_error(line: str) -> None:
    print(in_python(line, _CHOICES), file=sys.stderr)


def _fitted(
    target: Target, train: Examples, validation: Examples | None, settings: Settings, progress: Progress
) -> tuple[Any, Any]:
    """Return the `TextModel` trained on `train`, its best epoch selected on `validation`, and its history."""
    from slanted.runtime.random_state import preserved_random_state
    from slanted.text.training.train_run import FineTuningRun, finished_model

    with preserved_random_state():  # for the user's program, which may draw random settings between two fits
        run = FineTuningRun(target, train, validation, settings, progress)
        for note in run.notes:
            progress.say(note)
        history = run.fit().history
        return finished_model(run, train), history
