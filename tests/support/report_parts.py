"""Parts of report pages and what they come from: JSON files, cells of tables, pages of reports with changed values."""

import json
import re

from slanted.report.read.run_reader import read_report
from slanted.report.render.page import page


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def cells_of(path, section):
    """Return the tables of a section as lists of rows, each a list of its cells' texts."""
    text = path.read_text(encoding="utf-8")
    inside = text[text.index(f'<section id="{section}"') :].split("</section>")[0]
    found = []
    for table in re.findall(r"<tbody[^>]*>(.*?)</tbody>", inside, re.DOTALL):
        rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("</tr>")]
        found.append([[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in rows if row])
    return found


def edited(pages, name="single", **values):
    """Return the page of a run with some values of its dict replaced, each named by its way."""
    report = json.loads(json.dumps(read_report(pages[name].parent)))
    for way, value in values.items():
        *outer, last = way.split("__")
        place = report
        for key in outer:
            place = place[key]
        place[last] = value
    return page(report)
