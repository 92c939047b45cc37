"""Chromium without a screen, driven as a person would: by WebDriver, over HTTP.

https://www.w3.org/TR/webdriver2/, as Debian's chromedriver answers it.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("chromium", "chromedriver")
# Without these it looks for hosts of its maker's at each start.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--hide-scrollbars"),
)
# What an element is called in answers (section 12.1).
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# Seconds until what is waited for has come, on a machine with much else to do.
PATIENCE = 60
# Keys (section 17.4.2): all that a field holds is chosen, and replaced.
ENTER = "\ue007"
WHOLE = "\ue009a\ue009"


def missing() -> str | None:
    """What a browser lacks here, in words; None: nothing."""
    gone = [name for name in PROGRAMS if shutil.which(name) is None]
    if not gone:
        return None
    return f"{' and '.join(gone)} not found: `apt-get install chromium chromium-driver`"


class Browser:
    """A window of Chromium.

    Args:
        address: of its session.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def open(self, url: str) -> None:
        """Go to a page."""
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str, *given: object):
        """What a function of this body gives on the page."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": given})

    def find(self, selector: str) -> str:
        """An element by a CSS selector, once it is there and can be seen."""
        wanted = {"using": "css selector", "value": selector}

        def visible() -> str | None:
            for one in self._ask("POST", "/elements", wanted):
                if self._ask("GET", f"/element/{one[ELEMENT]}/displayed"):
                    return one[ELEMENT]
            return None

        return waited(visible, lambda: f"there is no {selector}: {self.text()}")

    def click(self, selector: str) -> None:
        """Click an element once it is there."""
        self._ask("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Type into an element."""
        self._ask("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def fill(self, selector: str, text: str) -> None:
        """Type into a field instead of what it holds; a busy page may lose a letter."""

        def typed() -> bool:
            self.type(selector, WHOLE + text)
            field = self.find(selector)
            return self._ask("GET", f"/element/{field}/property/value") == text

        waited(typed, lambda: f"{selector} does not take {text}")

    def text(self) -> str:
        """What can be read on the page."""
        return self.run("return document.body.innerText")

    def picture(self):
        """What is seen: (height, width, 3) uint8."""
        import numpy as np
        from PIL import Image

        seen = base64.b64decode(self._ask("GET", "/screenshot"))
        return np.asarray(Image.open(io.BytesIO(seen)).convert("RGB"))

    def _ask(self, method: str, path: str, given: dict | None = None):
        return asked(method, self._address + path, given)


def asked(method: str, address: str, given: dict | None = None):
    """The value of an answer."""
    data = None if given is None else json.dumps(given).encode()
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data, kind, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as fault:
        raise AssertionError(json.load(fault)["value"]["message"]) from None


def waited(look: Callable, otherwise: Callable[[], str] = lambda: ""):
    """What a look gives, as soon as that is something."""
    until = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < until, otherwise()
        time.sleep(0.05)
    return found


@contextmanager
def browser(folder: Path, width: int = 1280, height: int = 900) -> Iterator[Browser]:
    """A window of this size, with a new profile in a folder."""
    with (folder / "chromedriver.log").open("w+") as log:
        driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=log, stderr=log)
        try:
            port = waited(lambda: port_in(folder / "chromedriver.log"))
            flags = [f"--user-data-dir={folder / 'profile'}", *FLAGS]
            options = {"args": [*flags, f"--window-size={width},{height}"]}
            wanted = {"alwaysMatch": {"goog:chromeOptions": options}}
            there = f"http://127.0.0.1:{port}/session"
            session = asked("POST", there, {"capabilities": wanted})["sessionId"]
            try:
                yield Browser(f"{there}/{session}")
            finally:
                asked("DELETE", f"{there}/{session}")
        finally:
            driver.terminate()
            driver.wait()


def port_in(log: Path) -> str | None:
    """The port that a driver says it listens on."""
    _, said, rest = log.read_text().partition("successfully on port ")
    port, end, _ = rest.partition(".")
    return port if said and end else None
