"""Fields of settings: their order and names, how they are checked, what they meant before, and their docstring."""

from dataclasses import asdict, dataclass

import pytest

from slanted.common.argument_checks import positive, whole
from slanted.common.setting_fields import (
    argument_of,
    as_before,
    check_settings,
    documented,
    setting,
    setting_fields,
)
from slanted.errors import SettingError

pytestmark = pytest.mark.once


@dataclass(frozen=True, kw_only=True)
class Reading:
    quote: str = setting("single", "around cells", choices=("single", "double"))


@documented
@dataclass(frozen=True)
class Oven(Reading):
    """An oven.

    Raises:
        SettingError: It is too hot.
    """

    name: str = "oven"
    heat: float = setting(180.0, "degrees, " + "and so on, " * 10 + "above 0", check=positive, before=200.0)
    trays: int | None = setting(None, "trays", int, check=whole, argument="oven_trays")
    weights: dict[str, float] = setting({"tray": 1.0}, "weights")  # noqa: RUF009 - makes a field

    def __post_init__(self):
        check_settings(self)


def test_settings_are_in_the_order_of_the_parameters():
    assert [f.name for f in setting_fields(Oven)] == ["heat", "trays", "weights", "quote"]


def test_a_setting_may_have_another_name_in_errors_and_options():
    assert [argument_of(f) for f in setting_fields(Oven)] == ["heat", "oven_trays", "weights", "quote"]


def test_the_text_of_an_option_becomes_a_number_where_the_default_is_one():
    parse = {f.name: f.metadata["parse"] for f in setting_fields(Oven)}
    assert parse == {"heat": float, "trays": int, "weights": str, "quote": str}


def test_a_dictionary_is_copied():
    first, second = Oven(), Oven()
    first.weights["tray"] = 2.0
    assert second.weights == {"tray": 1.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"heat": 0.0}, "Argument `heat` must be a finite number > 0. Received: heat=0.0"),
        ({"heat": None}, "Argument `heat` must be a number. Received: heat=None"),
        ({"trays": 0}, "Argument `oven_trays` must be a whole number >= 1. Received: oven_trays=0"),
        ({"quote": "french"}, "Argument `quote` must be one of single, double. Received: quote='french'"),
    ],
)
def test_what_is_out_of_its_range_is_refused(given, message):
    with pytest.raises(SettingError) as refused:
        Oven(**given)
    assert str(refused.value) == message


def test_none_is_not_checked_where_the_type_allows_it():
    assert Oven(trays=None).trays is None


def test_a_setting_that_is_missing_means_what_was_done_before():
    assert asdict(as_before(Oven)) == {**asdict(Oven()), "heat": 200.0}
    assert as_before(Oven, heat=1.0) == Oven(heat=1.0)


def test_a_docstring_names_every_setting_before_what_is_raised():
    text = " ".join((Oven.__doc__ or "").split())
    assert text.startswith("An oven. Args: heat: Degrees, and so on, and")
    assert text.endswith(
        "trays: Trays. weights: Weights. quote: Around cells; one of single, double. "
        "Raises: SettingError: It is too hot."
    )
    assert max(map(len, (Oven.__doc__ or "").splitlines())) <= 116
