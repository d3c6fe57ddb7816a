"""A headless Chromium without a network, to look at pages as a reader does."""

import json
import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "the page tests need Chromium and its driver on the PATH: `make test` installs them where it can; "
    "otherwise on Debian `apt-get install chromium chromium-driver`, or leave these tests out with -m 'not browser'"
)
ARGUMENTS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
)
POSITION = """
const element = document.querySelector(arguments[0]);
element.scrollIntoView({ block: "center" });
return element.getBoundingClientRect().toJSON();
"""
AXE = Path(__file__).parent / "vendor" / "axe.min.js"


class Browser:
    """One session for all pages. Starting it takes seconds."""

    def __init__(self):
        from selenium import webdriver

        binary = next(filter(None, map(shutil.which, NAMES)), None)
        driver = shutil.which("chromedriver")
        assert binary and driver, MISSING
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for argument in (*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(driver))

    def open(self, path, width=1400, dark=False):
        """Open a file, as wide as a screen of `width` pixels, and forget what was logged before."""
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(Path(path).resolve().as_uri())
        return self

    def run(self, script, *arguments):
        """Return what a function's body in JavaScript returns."""
        return self.driver.execute_script(script, *arguments)

    def point_at(self, selector, share=0.5):
        """Move the mouse to the middle of an element, or to another share of its width."""
        box = self.run(POSITION, selector)
        place = {"x": box["x"] + share * box["width"], "y": box["y"] + box["height"] / 2}
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", **place})

    def wait_for(self, condition):
        """Wait until a condition in JavaScript, which returns it, holds; five seconds at the most."""
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, 5).until(lambda _: self.run(condition))

    def complaints(self):
        """Return what the console says."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """Return every address that was asked for but the page's own."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [one["params"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent if one["request"]["url"] != one["documentURL"]]

    def accessibility(self):
        """Return axe's findings that are serious or critical: each rule with the first places."""
        self.run(AXE.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        bad = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        return {one["id"]: [node["html"][:120] for node in one["nodes"][:3]] for one in bad}

    def picture(self, path, height=None):
        """Write a PNG of the page, or of its first `height` pixels."""
        import base64

        width, whole = self.run("return [document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height or whole, "scale": 1}
        asked = {"format": "png", "captureBeyondViewport": True, "clip": clip}
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", asked)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        self.driver.quit()
