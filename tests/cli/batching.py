"""What the tests of batches have in common: small photos, their list, and a look at what came of them."""
import json
import pathlib
import random
import signal
import subprocess
import time

import harness
from harness import OK

SOME_FAILED, NOTHING_TO_DO, TERMINATED = 3, 10, 143

SMALL = ["--width", "16", "--height", "16", "--frames", "1", "--steps", "1", "--device", "cpu", "--threads", "1"]


def photo(number):
    """A picture unlike those of other numbers."""
    return harness.png(24, 16, lambda x, y: (x * 10 % 256, (y * 15 + number * 7) % 256, (number * 53 + x) % 256))


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.addTypeEqualityFunc(dict, self.assert_same_members)

    def assert_same_members(self, first, second, msg=None):
        """Of two folders' files those that differ are told by name; unittest's own comparison of so many bytes takes hours."""
        if first != second:
            parts = (("only in the first", sorted(set(first) - set(second))), ("only in the second", sorted(set(second) - set(first))),
                     ("different", sorted("%s: %.200r and %.200r" % (name, first[name], second[name])
                                          for name in set(first) & set(second) if first[name] != second[name])))
            self.fail("; ".join("%s: %s" % part for part in parts if part[1]) + (" (%s)" % msg if msg else ""))

    def photos(self, count):
        return [self.write("p%d.png" % i, photo(i)) for i in range(count)]

    def list(self, text, name="list.csv"):
        return self.write(name, text.encode())

    def rows(self, count):
        """So many photos, and a list of them with a seed each."""
        self.photos(count)
        self.list("photo,seed\n" + "".join("p%d.png,%d\n" % (i, i) for i in range(count)))

    def arguments(self, *more, out="out", manifest="list.csv", small=SMALL):
        return ["batch", manifest, "--out", out, "--model", self.model(), "--reproducible", *small, *more]

    def batch(self, code, *more, says=(), out="out", manifest="list.csv", **options):
        return self.expect(code, *self.arguments(*more, out=out, manifest=manifest), says=says, **options)

    def resume(self, code, *more, out="out", **options):
        return self.expect(code, "resume", out, *more, **options)

    def start(self, *arguments):
        process = subprocess.Popen([harness.PROGRAM, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=harness.environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def clips(self, out="out"):
        """Every file in the folder of outputs but the journal's, by name."""
        root = self.folder / out
        return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*"))
                if path.is_file() and path.relative_to(root).parts[0] != ".packshot"}

    def counts(self, out="out"):
        return self.events(self.expect(OK, "status", out, "--json"))[0]["counts"]

    def summary(self, result):
        events = [event for event in self.events(result) if event["event"] == "batch_summary"]
        self.assertEqual(len(events), 1)
        counts = events[0]["counts"]
        self.assertEqual(counts["total"], sum(counts[state] for state in ("waiting", "running", "done", "failed", "ignored")))
        return events[0]

    def report(self, out="out"):
        """The report as JSON, whose counts have to add up to the inputs."""
        self.expect(OK, "report", out, "-o", "report.json", "--overwrite")
        return json.loads((self.folder / "report.json").read_text())

    def kill_and_resume(self, kills, longest, first, out="out", seed=1, to_the_end=None):
        """Runs `first`, then resumes, each killed after a random while, and at last one to the end. Returns how many were
        killed in mid-work."""
        chance, killed = random.Random(seed), 0
        arguments = first
        for k in range(kills):
            process = self.start(*arguments)
            # The first comes early: on a machine that is suddenly idle a later one would find all done.
            last = longest if k else 0.02 + longest / 10
            try:
                process.communicate(timeout=chance.uniform(0.02, last))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                killed += 1
            # Until its rows are in the journal only the batch itself can go on.
            status = self.packshot("status", out, "--json")
            if status.returncode == OK and self.events(status)[0]["counts"]["total"]:
                arguments = ["resume", out]
        (to_the_end or (lambda *last: self.expect(OK, *last)))(*arguments)
        return killed

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "waited for too long")
            time.sleep(0.02)


def temporaries(folder):
    return [path.name for path in pathlib.Path(folder).rglob(".*.packshot-*.tmp")]
