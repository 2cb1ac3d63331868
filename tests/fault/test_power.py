"""The power is cut under a batch, on file systems of its own: at every stage by name, and with EVERY=1 before every single change of a
file. After it each name has its whole file or none, a job that was said to be done has its clip, and resume makes the rest. Needs root,
loop devices and mkfs.ext4 or mkfs.xfs; exits 77 where it has neither."""
import json
import shutil
import signal
import subprocess
import time

import harness
import injecting
import test_kills
from harness import OK
from injecting import CHANGES, EVERY

# An ext4 of that size has a journal; xfs asks for 300 MiB.
SYSTEMS = {"ext4": 64 << 20, "xfs": 320 << 20}
FEW = ("rows added", "second step, state being written", "trailer", "clip named, sidecar not", "done, journal does not say so", "state to be removed")
# Stages of which the file system sees something.
NAMED = [stage for stage in test_kills.NAMED if (EVERY or stage[0] in FEW) and not stage[2].endswith(".png")]


class Power(injecting.Case):
    """`disk` is the place of the file system."""
    count = 3 if EVERY else 2

    def setUp(self):
        super().setUp()
        self.rows(self.count)
        self.batch(OK, out="calm")
        self.expected = self.clips("calm")
        self.disk = self.folder / "disk"
        self.disk.mkdir()

    def make(self, system):
        image = self.folder / "image"
        with open(image, "wb") as file:
            file.truncate(SYSTEMS[system])
        program = shutil.which("mkfs." + system)
        if not program or subprocess.run([program, "-q", "-F" if system == "ext4" else "-f", image], capture_output=True).returncode or not self.plug_in():
            self.skipTest("no %s can be made or mounted here" % system)
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], capture_output=True)

    def plug_in(self):
        return injecting.mount("-o", "loop", self.folder / "image", self.disk)

    def plug_out(self):
        for _ in range(200):
            if subprocess.run(["umount", self.disk], capture_output=True).returncode == 0:
                return
            time.sleep(0.05)
        self.fail("the file system cannot be unmounted")

    def begin_anew(self):
        """What was there must not come back with the cut."""
        shutil.rmtree(self.disk / "out", ignore_errors=True)
        subprocess.run(["sync", "-f", self.disk], check=True)

    def cut_at(self, at):
        self.begin_anew()
        arguments = self.arguments("--json", out="disk/out")
        result = self.faulted(arguments, at, "cut", root=self.disk)
        if not result.stage:
            self.assertEqual((result.returncode, self.clips("disk/out")), (OK, self.expected), at)
            return False
        self.met[result.stage] += 1
        self.assertEqual(result.returncode, -signal.SIGKILL, result.stderr)
        self.plug_out()
        self.assertTrue(self.plug_in(), "cannot be mounted after a cut at %s" % result.place)
        self.check(result)
        self.finish(self.count, self.expected, "cut at %s" % result.place, out="disk/out", anew=self.arguments(out="disk/out"))
        return True

    def check(self, result):
        """Old state or new state, before anything goes on."""
        found = {name: content for name, content in self.clips("disk/out").items() if ".packshot-" not in name} if (self.disk / "out").exists() else {}
        for name, content in found.items():
            self.assertEqual(content, self.expected[name], "%s after a cut at %s" % (name, result.place))
        for line in result.stdout.splitlines():
            event = json.loads(line) if line.endswith(b"}") else {}
            if event.get("event") == "job_done":
                name = event["output"].rsplit("/", 1)[1]
                self.assertTrue(name in found and name + ".json" in found, "%s was said to be done before %s" % (name, result.place))
                self.said += 1

    def play(self, system):
        self.said = 0
        self.make(system)
        for name, calls, path, number in NAMED:
            with self.subTest(name):
                self.assertTrue(self.cut_at("%s:%s:%d" % (calls, path, number)), "the stage was not met")
        if EVERY:
            self.assertGreater(self.sweep(lambda number: self.cut_at("%s:*:%d" % (CHANGES, number))), 200)
        self.assertGreater(self.said, 0)
        self.tell("%s: power cut, %d jobs had been said to be done" % (system, self.said))

    def test_ext4(self):
        self.play("ext4")

    def test_xfs(self):
        self.play("xfs")


if __name__ == "__main__":
    injecting.in_own_mounts()
    harness.main()
