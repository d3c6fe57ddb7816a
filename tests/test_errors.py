"""The errors raised on purpose: whom they may be caught as, their exit statuses, and the text of a setting's."""

import pickle
import traceback

import pytest

from slanted.errors import InputError, SettingError, SlantedError, TrainingFailed, missing_extra

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("error", "caught_as", "status"),
    [
        (SlantedError("x"), Exception, 1),
        (InputError("x"), ValueError, 2),
        (SettingError("epochs", "a whole number", 0.5), InputError, 2),
        (TrainingFailed("x"), RuntimeError, 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_has_its_exit_status_and_is_what_python_calls_it(error, caught_as, status):
    assert isinstance(error, SlantedError) and isinstance(error, caught_as)
    assert error.exit_status == status


@pytest.mark.parametrize("kind", [SlantedError, InputError, TrainingFailed])
def test_the_text_is_one_line_that_no_terminal_obeys(kind):
    error = kind("r/recipe.json: the label '\x1b]0;owned\x07' is\nwrong\r\x9b2J \u202e")
    text = r"r/recipe.json: the label '\x1b]0;owned\x07' is wrong\r\x9b2J \u202e"
    assert str(error) == text
    assert str(pickle.loads(pickle.dumps(error))) == text
    assert text in "".join(traceback.format_exception(error))


def test_a_setting_s_error_has_no_control_characters():
    error = SettingError("positive", "one of the labels '\x1b[2J'", "\x1b[1m", "give \x1b[0m")
    assert str(error).isprintable()


def test_a_failed_training_is_no_wrong_input():
    assert not issubclass(TrainingFailed, ValueError) and not issubclass(InputError, RuntimeError)


@pytest.mark.parametrize(
    ("remedy", "end"), [("", ""), ("Give a smaller one.", ". Give a smaller one.")], ids=["alone", "with a remedy"]
)
def test_a_setting_s_error_is_the_rule_what_was_received_and_the_remedy(remedy, end):
    error = SettingError("lr_max", "in (0, 1]", "2", remedy)
    assert str(error) == f"Argument `lr_max` must be in (0, 1]. Received: lr_max='2'{end}"
    assert (error.name, error.rule, error.received, error.remedy) == ("lr_max", "in (0, 1]", "2", remedy)


def test_a_missing_extra_is_named_with_the_command_that_installs_it():
    error = missing_extra("plot", "Drawing a picture")
    assert type(error) is InputError
    assert str(error) == (
        'Drawing a picture needs the extra `plot`, which is not installed: pip install "slanted[plot]"'
    )


def test_a_setting_s_error_comes_back_from_another_process():
    error = SettingError("epochs", "a whole number >= 1", 0, "see --help")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is SettingError and str(again) == str(error) and vars(again) == vars(error)
