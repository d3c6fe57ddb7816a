"""The options of `slanted export`."""

import pytest

from slanted.cli.parsers import parser
from slanted.text.exporting.formats import FORMATS

pytestmark = pytest.mark.once


def parsed(*more):
    return parser().parse_args(["export", "runs/a", "--format", "onnx", "--out", "out", *more])


def test_the_defaults():
    options = parsed()
    assert (options.folder, options.format, options.out) == ("runs/a", "onnx", "out")
    assert (options.test, options.allow_drop, options.unchecked) == (None, 0.5, False)


def test_the_help_has_each_format_and_the_default_of_each_option(capsys):
    with pytest.raises(SystemExit):
        parsed("--help")
    printed = " ".join(capsys.readouterr().out.split())
    for name, one in FORMATS.items():
        assert f"{name}: {one.title}" in printed
    assert "Spearman for numbers (default: 0.5)" in printed
