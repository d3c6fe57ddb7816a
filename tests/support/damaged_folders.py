"""Model folders damaged at random: bytes flipped, files cut, emptied, removed, links that lead nowhere, other JSON."""

import json
import random

OTHER_VALUES = (None, True, -1, 0, 1.5, "512", [], {}, 10**9, "x")


def damage(folder, seed):
    """Damage one file of a folder and return what was done."""
    draw = random.Random(seed)
    path = draw.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    kinds = ["flip", "cut", "empty", "remove", "link"] + ["json"] * (3 * (path.suffix == ".json"))
    how = draw.choice(kinds)
    content = path.read_bytes()
    if how == "flip":
        changed = bytearray(content)
        for _ in range(draw.randint(1, 20)):
            within = len(changed) if draw.random() < 0.5 else min(len(changed), 4000)
            changed[draw.randrange(within)] = draw.randrange(256)
        path.write_bytes(bytes(changed))
    elif how == "cut":
        path.write_bytes(content[: draw.randrange(len(content))])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "json":
        path.write_text(json.dumps(_with_another_value(json.loads(content), draw)))
    else:
        path.unlink()
        if how == "link":
            path.symlink_to(folder / "absent")
    return f"{how} {path.name}"


def _with_another_value(content, draw):
    places = []

    def walk(value):
        keys = value if isinstance(value, dict) else range(min(len(value), 30)) if isinstance(value, list) else ()
        for key in keys:
            places.append((value, key))
            walk(value[key])

    walk(content)
    holder, key = draw.choice(places)
    holder[key] = draw.choice(OTHER_VALUES)
    return content
