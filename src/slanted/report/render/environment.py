"""The Jinja environment of the pages: all values are escaped, in text, attributes and JSON."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
LONGEST_LABEL = 60


@cache
def environment() -> Environment:
    r"""Return the environment that loads the templates of the pages.

    >>> environment().from_string("{{ it }} {{ it|tojson }}").render(it="<b title='x'>\x00")
    '&lt;b title=&#39;x&#39;&gt;\ufffd "\\u003cb title=\\u0027x\\u0027\\u003e\\u0000"'
    """
    templates = Environment(
        loader=PackageLoader("slanted.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=readable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"fmt": format, "label": label, "number": number, "percent": percent}
    templates.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return templates


def readable(value: Any) -> Any:
    """Return a value as text, with U+FFFD in place of characters that are invalid in HTML or UTF-8."""
    return value if isinstance(value, Markup) else _CONTROLS.sub("\ufffd", str(value))


def label(value: object) -> Markup:
    """Return a user's label or text, shortened to 60 characters, as an element that isolates its writing direction."""
    text = str(value)
    short = text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"
    return Markup("<bdi>{}</bdi>").format(readable(short))


def percent(share: float) -> str:
    r"""Return a share as a percentage.

    >>> percent(0.9375)
    '93.8\xa0%'
    """
    return f"{100 * share:.1f}\xa0%"


def number(value: float) -> str:
    """Return a number with four significant digits.

    >>> number(0.93751), number(12345.6), number(2e-05)
    ('0.9375', '12,346', '2e-05')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
