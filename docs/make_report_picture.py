"""Draw the report of a run: a screenshot of the top of its page.

Usage: python docs/make_report_picture.py DIR [FILE]

DIR holds a run; FILE is docs/pictures/report.png unless another is given. It needs what the page tests need: Chromium,
its driver and selenium. The picture in the README is of

    slanted train examples/data/messages_train.csv --test examples/data/messages_test.csv --out runs/sample
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1000, 1250


def main() -> None:
    """Write the picture."""
    sys.path.insert(0, str(HERE.parent / "tests" / "support"))
    from browser import Browser

    run = Path(sys.argv[1])
    file = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "pictures" / "report.png"
    browser = Browser()
    try:
        browser.open(run / "report.html", WIDTH).picture(file, HEIGHT)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
