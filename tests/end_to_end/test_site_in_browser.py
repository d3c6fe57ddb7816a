"""The built site in a browser without a network: accessible on a phone and on a desk, in light and dark."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from browser import Browser

pytestmark = [pytest.mark.once, pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SCHEME = "return document.body.dataset.mdColorScheme === '{}'"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly: `make slow` installs what builds it."""
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def browser():
    """A browser for each test: the site remembers the scheme of its first page."""
    session = Browser()
    yield session
    session.close()


def pages_of(site):
    """Return the pages but 404.html, which names its style from the root of a server."""
    pages = [page for page in sorted(site.rglob("*.html")) if page.name != "404.html"]
    assert len(pages) > 40
    return pages


@pytest.mark.parametrize("scheme", ["default", "slate"])
@pytest.mark.parametrize("width", [400, 1400])
def test_axe_finds_nothing_serious_and_no_page_is_wider_than_the_screen(browser, site, width, scheme):
    findings = {}
    for page in pages_of(site):
        opened = browser.open(page, width, dark=scheme == "slate")
        opened.wait_for(SCHEME.format(scheme))
        found = opened.accessibility()
        if opened.run("return document.documentElement.scrollWidth") > width:
            found["width"] = width
        if found:
            findings[page.relative_to(site).as_posix()] = found
    assert not findings
