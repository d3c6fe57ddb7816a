"""HTML from values: everything that comes from outside is escaped here, in texts, attributes and JSON."""

import html
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
LONGEST_LABEL = 60


def text(value: object) -> str:
    r"""Return a value as HTML text, fit for an attribute too.

    >>> text("<b title='x'>\x00")
    '&lt;b title=&#x27;x&#x27;&gt;\ufffd'
    """
    return html.escape(_CONTROLS.sub("\ufffd", str(value)), quote=True)


def label(value: object) -> str:
    """Return a label or a text of the user's, cut at 60 characters, so that its direction of writing stays its own."""
    whole = str(value)
    cut = whole if len(whole) <= LONGEST_LABEL else whole[: LONGEST_LABEL - 1] + "…"
    return f"<bdi>{text(cut)}</bdi>"


def script_json(values: Any) -> str:
    r"""Return JSON that can stand in a script element: no `<`, `>` or `&` in it.

    >>> script_json({"a": "</script><!--"})
    '{"a":"\\u003c/script\\u003e\\u003c!--"}'
    """
    made = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return made.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", name: str = "") -> str:
    """Return a table; the first cell of each row heads it. All arguments are HTML but `caption` and `name`.

    Args:
        header: Of the columns.
        rows: Their cells.
        caption: What the table shows.
        name: Its class.
    """
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        for first, *cells in rows
    )
    title = f"<caption>{text(caption)}</caption>" if caption else ""
    made = f'<table class="{text(name)}">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption or "table")}">{made}</div>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a list of names and values; names are text, values HTML."""
    return "<dl>" + "".join(f"<div><dt>{text(name)}</dt><dd>{value}</dd></div>" for name, value in pairs) + "</dl>"


def section(name: str, title: str, *parts: str) -> str:
    """Return a section of the page; the parts are HTML."""
    head = f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>'
    return f"{head}{''.join(parts)}</section>"


def paragraph(content: str, name: str = "") -> str:
    """Return a paragraph of HTML."""
    return f'<p class="{name}">{content}</p>' if name else f"<p>{content}</p>"


def figure(name: str, says: str, numbers: str, legend: Sequence[tuple[str, str]] = ()) -> str:
    """Return a plot that the page's script draws, and its numbers as a table for whoever cannot see it.

    Args:
        name: The plot's name in the script.
        says: What the plot shows, in a sentence.
        numbers: The table, HTML.
        legend: (class, text) of each colour.
    """
    keys = "".join(f'<li class="{color}">{text(meaning)}</li>' for color, meaning in legend)
    shown = f'<ul class="legend">{keys}</ul>' if keys else ""
    drawn = f'<div class="draw" data-plot="{name}" data-says="{text(says)}"></div>'
    return f"<figure>{shown}{drawn}<details><summary>The numbers</summary>{numbers}</details></figure>"


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
