"""The method `export` of the estimators."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slanted.common.python_words import errors_in_python
from slanted.errors import InputError
from slanted.text.exporting.check_rows import CheckRows, rows_of_run
from slanted.text.exporting.export import ExportRequest, export
from slanted.text.exporting.formats import FORMATS
from slanted.text.labels.examples import Examples

MOST_ROWS = 1000  # of those that `fit` was given
_CHOICES = {"format": tuple(FORMATS), "test": (), "unchecked": (), "allow_drop": ()}


class Exportable:
    """What an estimator needs to export its model: the rows that its export is checked on.

    Attributes:
        verbose: Whether the result of the check is printed.
    """

    model_: Any
    target_: Any
    verbose: bool
    _rows: CheckRows | None = None
    _folder: Path | None = None

    if TYPE_CHECKING:

        def __init__(self, *arguments: Any, **parameters: Any) -> None: ...

    def _remember(self, train: Examples, valid: Examples | None) -> None:
        """Keep the rows to check an export on: the validation rows of `fit`, else some of its training rows."""
        rows = train if valid is None else valid
        if len(rows) > MOST_ROWS:
            rows = rows.take(np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int))
        part = "train" if valid is None else "valid"
        self._rows, self._folder = CheckRows(rows, part, "the texts of fit"), None

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle, without texts."""
        state: Any = super().__getstate__()  # type: ignore[misc]
        return {name: value for name, value in dict(state or {}).items() if name != "_rows"}

    @errors_in_python(_CHOICES)
    def export(
        self,
        folder: str | Path,
        format: str = "onnx",
        *,
        test: tuple[Any, Any] | None = None,
        allow_drop: float = 0.5,
        unchecked: bool = False,
    ) -> dict[str, Any]:
        """Write the model in another format, with a script that predicts, and check it.

        Args:
            folder: The folder to write, which must not exist, or be empty.
            format: "hf", "onnx", "onnx-int8", "openvino", "litert", "saved-model" or "keras".
            test: The rows for the check, (texts, labels), as for `fit`; None: the validation rows of `fit`, else up to
                1,000 of its training rows; of a loaded model the test or validation rows of its run.
            allow_drop: By how many points accuracy may be lower than the model's; micro-F1 for several labels, Spearman
                for numbers.
            unchecked: Whether there is no check.

        Returns:
            The content of export.json.

        Raises:
            InputError: The folder has files, a package is missing, or the model has no such format.
            ExportRefused: The export loses too much, or does not predict.
            NotFittedError: `fit` was not called.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "model_")
        with tempfile.TemporaryDirectory() as place:
            run = Path(place) / "run"
            run.mkdir()
            self.model_.save(run)
            request = ExportRequest(run, Path(folder), format, allow_drop)
            say = print if self.verbose else _nothing
            return export(request, None if unchecked else lambda saved: self._check_rows(test), say)

    def _check_rows(self, test: tuple[Any, Any] | None) -> CheckRows:
        if test is not None:
            if not isinstance(test, (tuple, list)) or len(test) != 2:
                problem = f"test must be texts and their labels, not a {type(test).__name__}"
                raise InputError(f"{problem}; give (texts, labels)")
            return CheckRows(self._examples(*test, self.target_), "test", "the texts of test")  # type: ignore[attr-defined]
        if self._rows is not None:
            return self._rows
        from slanted.text.runs.saved_run import read_run

        if self._folder is None:
            problem = "the model has no rows to check its export on"
            raise InputError(f"{problem}; give test=(texts, labels), or unchecked=True")
        return rows_of_run(self._folder, read_run(self._folder))


def _nothing(line: str) -> None:
    """Print nothing."""
