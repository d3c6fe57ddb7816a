"""`slanted export`: write the model of a run in another format, checked on rows with labels."""

from dataclasses import replace
from typing import Any

from slanted.commands.evaluate_and_predict import read_for
from slanted.commands.use_options import UseOptions
from slanted.runtime.keras_startup import check_installed
from slanted.text.exporting.check_rows import CheckRows, rows_of_run
from slanted.text.exporting.export import ExportRequest
from slanted.text.exporting.export import export as write_export
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.labels.examples import Examples
from slanted.text.runs.saved_run import SavedRun


def export(request: ExportRequest, test: str | None, options: UseOptions, *, unchecked: bool = False) -> dict[str, Any]:
    """Export the model of a run, print the result of its check, and return the content of export.json.

    Args:
        request: What to export, and to which folder.
        test: The file with the rows for the check; None: the test rows of the run, else its validation rows.
        options: How `test` is read.
        unchecked: Whether there is no check.

    Raises:
        InputError: The run, the file or an option is invalid, or a package is missing.
        ExportRefused: The export loses too much.
    """
    check_installed("slanted export")

    def rows(run: SavedRun) -> CheckRows:
        if test is None:
            return rows_of_run(request.run, run)
        target = replace(run.target, labels=run.target.names)  # the labels in a file are strings
        examples = Examples.of(read_for(run, test, options, BadRows(options.bad_rows), labelled=True), target)
        return CheckRows(examples, "test", test)

    return write_export(request, None if unchecked else rows, print)
