"""A headless Chromium, spoken to through the DevTools protocol over a pipe. Python's standard library alone."""
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find():
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One page. What it asked the network for, what it logged, and what its scripts threw is kept."""

    def __init__(self, program):
        self.profile = tempfile.mkdtemp(prefix="packshot-browser-")
        self.requests, self.complaints, self.pending, self.count = [], [], b"", 0
        out_read, out_write = os.pipe()
        in_read, in_write = os.pipe()
        # The browser reads from descriptor 3 and writes to 4; these must not be those by chance.
        high_in, high_out = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (in_read, out_write))

        def hand_over():
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
             "--autoplay-policy=no-user-gesture-required", "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
             "--user-data-dir=" + self.profile, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=hand_over,
            start_new_session=True)
        for end in (in_read, out_write, high_in, high_out):
            os.close(end)
        self.to, self.back, self.session = in_write, out_read, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def read(self, end):
        while b"\0" not in self.pending:
            if not select.select([self.back], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            more = os.read(self.back, 1 << 20)
            if not more:
                raise ConnectionError("the browser has ended")
            self.pending += more
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def note(self, message):
        what, about = message.get("method"), message.get("params", {})
        if what == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif what == "Runtime.exceptionThrown":
            self.complaints.append(about["exceptionDetails"]["text"])
        elif what == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(about["args"]))
        elif what == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append("%s %s" % (about["entry"]["text"], about["entry"].get("url", "")))

    def call(self, method, seconds=120, **params):
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        text = json.dumps(message).encode() + b"\0"
        while text:
            text = text[os.write(self.to, text):]
        end = time.monotonic() + seconds
        while True:
            answer = self.read(end)
            if answer.get("id") != self.count:
                self.note(answer)
            elif "error" in answer:
                raise RuntimeError("%s: %s" % (method, answer["error"]))
            else:
                return answer["result"]

    def open(self, path):
        """Shows a file; returns once it is loaded."""
        self.requests, self.complaints = [], []
        self.call("Page.navigate", url=path.as_uri())
        self.run("new Promise(done => document.readyState == 'complete' ? done(1) : window.addEventListener('load', () => done(1)))")

    def run(self, script, seconds=120):
        """The value of a script, or of what it promises."""
        result = self.call("Runtime.evaluate", seconds, expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(self.profile, ignore_errors=True)
