"""A headless Chromium, spoken to over a pipe by the DevTools protocol."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Tab:
    """A page that is open; see `opened`.

    Messages end with a zero byte (https://chromedevtools.github.io/devtools-protocol/).
    """

    def __init__(self, to, back):
        self._to, self._back, self._left = to, back, b""
        self._numbers, self._session = itertools.count(1), {}
        target = self.asked("Target.createTarget", url="about:blank")["targetId"]
        found = self.asked("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": found["sessionId"]}

    def asked(self, method, **parameters):
        """What the browser answers."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        os.write(self._to, json.dumps(message | self._session).encode() + b"\0")
        while (answer := self._message()).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _message(self):
        while b"\0" not in self._left:
            self._left += os.read(self._back, 1 << 16)
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)

    def said(self, expression):
        """The value of an expression in the page."""
        given = {"expression": expression, "returnByValue": True}
        return self.asked("Runtime.evaluate", **given)["result"].get("value")

    def until(self, expression, seconds=30):
        """Wait until an expression is true in the page."""
        end = time.monotonic() + seconds
        while not self.said(expression):
            assert time.monotonic() < end, f"not within {seconds} s: {expression}"
            time.sleep(0.2)

    def picture(self):
        """The page as a PNG."""
        return base64.b64decode(self.asked("Page.captureScreenshot")["data"])


@contextlib.contextmanager
def opened(folder, width, height):
    """A tab of a browser of its own, whose profile lies in a folder."""
    there, to = os.pipe()
    back, here = os.pipe()
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"),
        *("--hide-scrollbars", f"--user-data-dir={folder}"),
        *(f"--window-size={width},{height}", "--remote-debugging-pipe"),
    ]
    # The browser reads from descriptor 3 and writes to 4.
    script = f'exec "$@" 3<&{there} 4>&{here}'
    browser = subprocess.Popen(
        ["bash", "-c", script, "bash", *command],
        pass_fds=(there, here),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(there)
    os.close(here)
    try:
        yield Tab(to, back)
    finally:
        os.close(to)
        browser.terminate()
        browser.wait(20)
        os.close(back)
