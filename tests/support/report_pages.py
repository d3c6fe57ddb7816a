"""Reads report pages as a browser does, and breaks the files they are made from."""

import json
import re
from html.parser import HTMLParser

import numpy as np

from slanted.errors import InputError
from slanted.report.render.page import page

MISSING = object()
JUNK = (None, {}, [], "<x>", -1, 1e300, [[]], {"a": 1})


def places(value, path=()):
    """Return the way to every value inside one of JSON's types."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(way for key, one in inside for way in places(one, (*path, key)))]


def damaged(value, way, junk):
    """Return a copy in which what stands at the end of a way is replaced, or left out where junk is `MISSING`."""
    if not way:
        return junk
    copy = value.copy()
    if len(way) == 1 and junk is MISSING:
        del copy[way[0]]
    else:
        copy[way[0]] = damaged(value[way[0]], way[1:], junk)
    return copy


def check_damages(folder, file, read_folder, most):
    """Damage values of a JSON file one at a time: the page is refused in one line, or is harmless."""
    held = json.loads((folder / file).read_text(encoding="utf-8"))
    ways = [way for way in places(held) if not any(isinstance(step, int) and step > 1 for step in way)]
    refused = 0
    for at in np.random.default_rng(0).permutation(len(ways))[:most]:
        for junk in (*JUNK, MISSING):
            if junk is MISSING and not ways[at]:
                continue
            (folder / file).write_text(json.dumps(damaged(held, ways[at], junk)), encoding="utf-8")
            try:
                made = page(read_folder(folder))
            except InputError as error:
                refused += 1
                assert str(error).startswith(str(folder)) and "\n" not in str(error)
            else:
                assert "<x>" not in made
    assert refused > 5


class Reader(HTMLParser):
    """Reads a page as a browser does: its elements, its addresses, the text of each section.

    A line break in a text is a space, one between two elements is nothing.
    """

    def __init__(self, page_text):
        super().__init__()
        self.elements, self.addresses, self.sections, self.scripts, self._inside = [], [], {}, [], []
        self.feed(page_text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        given = dict(attrs)
        self.addresses += [given[name] for name in ("src", "href", "action", "srcset") if given.get(name)]
        if tag == "section":
            self.sections[given["id"]] = ""
        self._inside.append(tag)

    def handle_endtag(self, tag):
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data):
        if "script" in self._inside:
            self.scripts.append(data)
        elif self.sections:
            last = next(reversed(self.sections))
            self.sections[last] += "" if "\n" in data and not data.strip() else re.sub(r"\s*\n\s*", " ", data)


def reader(path):
    return Reader(path.read_text(encoding="utf-8"))


ORDER = ["result", "confusion", "classes", "mistakes", "suspects", "lengths", "calibration", "epochs", "rates", "cost"]
ORDER.append("repeat")
