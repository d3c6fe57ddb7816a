"""An extension of griffe, which reads the docstrings for the site: it makes our doctests those that griffe knows.

MkDocs loads it while it builds the site (`extensions:` in mkdocs.yml).
"""

import re
from typing import Any

import griffe

BARE_DOCTEST = re.compile(r"(?:(?<=\n\n)|\A)>>> .*?(?=\n\n|\Z)", re.DOTALL)


class Doctests(griffe.Extension):
    """Reads the section Example as Examples, and a doctest between paragraphs as a block of code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring as it is read."""
        if obj.docstring:
            text = obj.docstring.value.replace("Example:\n", "Examples:\n")
            obj.docstring.value = BARE_DOCTEST.sub(lambda found: f"```pycon\n{found.group()}\n```", text)
