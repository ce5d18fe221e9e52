#!/usr/bin/env python3
"""Draws pages of a running desk with headless Chromium, by way of its debugging pipe.

    screenshots.py BASE COOKIE FOLDER NAME=PATH…

BASE is the address of the front, COOKIE the session as name=value. Each page is drawn four times: light, dark, on a phone,
and without JavaScript. What the pages load from elsewhere, and what their console says, is printed and fails the run.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile


class Browser:
    def __init__(self, profile):
        to_browser, ours_out = os.pipe()
        ours_in, from_browser = os.pipe()

        def arrange():
            # The browser reads its orders from 3 and answers on 4.
            high_in, high_out = os.dup(to_browser), os.dup(from_browser)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--no-first-run", "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}",
             "about:blank"],
            close_fds=False, preexec_fn=arrange, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.out, self.input = ours_out, os.fdopen(ours_in, "rb")
        self.number, self.events = 0, []

    def read(self):
        message = bytearray()
        while (byte := self.input.read(1)) != b"\0":
            if not byte:
                raise SystemExit("the browser has ended")
            message += byte
        return json.loads(message)

    def ask(self, method, session=None, **values):
        self.number += 1
        order = {"id": self.number, "method": method, "params": values}
        if session:
            order["sessionId"] = session
        os.write(self.out, json.dumps(order).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        while True:
            for place, event in enumerate(self.events):
                if event.get("method") == method:
                    return self.events.pop(place)
            self.events.append(self.read())


LOOKS = {
    "light": dict(width=1280, height=800, dark=False, script=True),
    "dark": dict(width=1280, height=800, dark=True, script=True),
    "phone": dict(width=390, height=844, dark=False, script=True),
    "noscript": dict(width=1280, height=800, dark=False, script=False),
}


def main():
    base, cookie, folder, *pages = sys.argv[1:]
    name, value = cookie.split("=", 1)
    os.makedirs(folder, exist_ok=True)
    faults = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
            session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Network", "Log", "Runtime"):
                browser.ask(f"{domain}.enable", session)
            browser.ask("Network.setCookie", session, name=name, value=value, url=f"{base}/admin", path="/admin",
                        httpOnly=True, sameSite="Strict")
            for page in pages:
                title, path = page.split("=", 1)
                if title == "login":
                    browser.ask("Network.clearBrowserCookies", session)
                for look, how in LOOKS.items():
                    shoot(browser, session, base + path, f"{folder}/{title}-{look}.png", how, faults, base)
        finally:
            browser.process.terminate()
            browser.process.wait()
    for fault in faults:
        print("fault:", fault)
    sys.exit(1 if faults else 0)


def shoot(browser, session, url, file, how, faults, base):
    browser.events.clear()
    browser.ask("Emulation.setScriptExecutionDisabled", session, value=not how["script"])
    browser.ask("Emulation.setEmulatedMedia", session,
                features=[{"name": "prefers-color-scheme", "value": "dark" if how["dark"] else "light"}])
    browser.ask("Emulation.setDeviceMetricsOverride", session, width=how["width"], height=how["height"],
                deviceScaleFactor=1, mobile=how["width"] < 500)
    browser.ask("Page.navigate", session, url=url)
    browser.wait("Page.loadEventFired")
    size = browser.ask("Page.getLayoutMetrics", session)["cssContentSize"]
    if size["width"] > how["width"] + 1:
        faults.append(f"{file}: {size['width']} wide, {how['width']} is there")
    picture = browser.ask("Page.captureScreenshot", session, format="png", captureBeyondViewport=True,
                          clip={"x": 0, "y": 0, "width": how["width"], "height": min(size["height"], 4000), "scale": 1})
    with open(file, "wb") as out:
        out.write(base64.b64decode(picture["data"]))
    for event in browser.events:
        method, values = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent" and not values["request"]["url"].startswith(base):
            faults.append(f"{file}: asks for {values['request']['url']}")
        if method == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning") and "404" not in values["entry"]["text"]:
            faults.append(f"{file}: {values['entry']['text']}")


main()
