"""What the tables of refused inputs share: the words of their command lines, and how the files of a case are made.

A row of a table has a name; the files beside t.csv, which holds `GOOD` unless it is given; the command line; and the
message that follows "error: ".
"""

import shutil
from pathlib import Path

from slanted.recipe.named import recipes

GOOD = "text,label\na,x\nb,y\nc,x\nd,y\n"
TRAIN = "train t.csv --out o"
RECIPES = ", ".join(recipes())
COMPARE, COMPARED = "compare t.csv --out o", "compare t.csv --out o --recipes constant,stlr"
LOOP = object()
HUGE = 10**400
RESTORE, NESTED = "restore the file or train again", "it is nested too deeply"


def make(files, tiny_model, finished_run):
    """Make a case's files; a name that ends in / is a folder, MODEL and RUN a copy with the files named changed.

    LOOP is a link that leads to itself.
    """
    for name, content in {"t.csv": GOOD, **files}.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif content in ("MODEL", "RUN"):
            shutil.copytree(Path(tiny_model if content == "MODEL" else finished_run), path)
        elif content is None:
            path.unlink()
        elif content is LOOP:
            path.symlink_to(path.name)
        elif isinstance(content, int):
            path.write_bytes(path.read_bytes()[:content])
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def snapshot(folder="."):
    return {str(p): p.read_bytes() if p.is_file() else None for p in Path(folder).rglob("*")}
