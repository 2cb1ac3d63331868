"""Watched folders on what lies behind them in earnest: 20,000 files at once, a file system in user space, and a Windows share
whose client dies. Takes minutes; each part needs a tool and is skipped without it."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import batching
import harness
import watching
from harness import CANCELLED
from watching import kind

FILES = 20000
PORT = "4455"


def noise(width, height):
    """A picture that does not get smaller by packing."""
    rows = os.urandom(3 * width * height)
    return harness.png(width, height, lambda x, y: rows[3 * (y * width + x):3 * (y * width + x) + 3])


class Many(watching.Case):
    def setUp(self):
        super().setUp()
        # In memory, where flushing 20,000 moves to the disk takes no time.
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("no /dev/shm")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="packshot-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "in").mkdir()

    def test_twenty_thousand_at_once(self):
        """W5: more than the kernel's queue of hints holds. One photo is rendered, the others are known as the same."""
        queue = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        self.assertLess(queue, FILES, "the queue has to run over")
        watcher = self.watch(poll="3600")
        watcher.wait("watch_folder")
        photo = batching.photo(1)
        watcher.process.send_signal(signal.SIGSTOP)
        for i in range(FILES):
            (self.folder / ("in/p%05d.png" % i)).write_bytes(photo)
        watcher.process.send_signal(signal.SIGCONT)
        watcher.wait("job_done")
        watcher.wait("photo_duplicate", FILES - 1, seconds=3000)
        status = pathlib.Path("/proc/%d/status" % watcher.process.pid).read_text()
        peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
        self.wait_for(lambda: not any(name.endswith(".png") for name in os.listdir(self.folder / "in")))
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
        self.assertEqual(watcher.of("watch_end")[0]["taken"], FILES)
        self.assertEqual(len([path for path in (self.folder / "in/done").glob("*/*.png")]), FILES)
        self.assertEqual(len(self.movies()), 1)
        print("peak of %d files: %d MiB" % (FILES, peak // 1024))
        self.assertLess(peak, 200 * 1024)


@unittest.skipUnless(shutil.which("bindfs") and os.path.exists("/dev/fuse"), "no bindfs here")
class UserSpace(watching.Case):
    def mount(self):
        (self.folder / "behind").mkdir(exist_ok=True)
        tried = subprocess.run(["bindfs", self.folder / "behind", self.folder / "in"], capture_output=True)
        if tried.returncode:
            self.skipTest("bindfs cannot mount: %s" % tried.stderr.decode())
        self.addCleanup(subprocess.run, ["umount", "-l", self.folder / "in"], capture_output=True)

    def test_no_hint_ever_comes(self):
        """W6: what is written on the other side of a mount is found by looking. W8: the mount goes and comes."""
        self.mount()
        watcher = self.watch()
        watcher.wait("watch_folder")
        self.wait_for(lambda: "FUSE" in "".join(watcher.told))
        self.write("behind/a.png", batching.photo(1))
        watcher.wait("job_done")
        subprocess.run(["umount", "-l", self.folder / "in"], check=True)
        self.assertFalse(watcher.wait("watch_folder", 2)[1]["there"])
        self.assertEqual(os.listdir(self.folder / "in"), [])
        time.sleep(1)
        self.mount()
        self.assertTrue(watcher.wait("watch_folder", 3)[2]["there"])
        self.write("behind/b.png", batching.photo(2))
        watcher.wait("job_done", 2)
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
        self.assertEqual(len(watcher.of("job_begin")), 2)
        self.assertEqual(self.inside("behind"), ["done/DATE/a.png", "done/DATE/b.png"])


@unittest.skipUnless(shutil.which("smbd") and shutil.which("smbclient"), "no smbd and smbclient here")
class Share(watching.Case):
    def serve(self):
        state = self.folder / "smb"
        state.mkdir()
        lines = ["[global]", "smb ports = " + PORT, "interfaces = lo", "bind interfaces only = yes", "map to guest = bad user",
                 "server role = standalone server", "load printers = no", "disable spoolss = yes", "log level = 0", "guest account = root"]
        lines += ["%s = %s" % (name, state) for name in ("private dir", "lock directory", "state directory", "cache directory",
                                                         "pid directory", "ncalrpc dir")]
        lines += ["[in]", "path = %s" % (self.folder / "in"), "guest ok = yes", "read only = no", "force user = root"]
        (state / "smb.conf").write_text("\n".join(lines) + "\n")
        server = subprocess.Popen(["smbd", "-F", "--no-process-group", "-s", state / "smb.conf", "-l", state],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

        def stop():
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()

        self.addCleanup(stop)
        for _ in range(100):
            if self.send("-c", "ls").wait() == 0:
                return
            time.sleep(0.1)
        self.skipTest("smbd does not answer")

    def send(self, *command):
        return subprocess.Popen(["smbclient", "//127.0.0.1/in", "-p", PORT, "-N", "-s", "/dev/null", *command], cwd=self.folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_a_client_that_dies(self):
        """W2: smbd closes what the dead client has sent; that waits, and is rendered when it is sent again."""
        self.serve()
        whole = noise(2500, 2000)
        self.write("big.png", whole)
        there = self.folder / "in/big.png"
        cut = False
        for _ in range(50):
            there.unlink(missing_ok=True)
            client = self.send("-c", "put big.png")
            while client.poll() is None and not (there.exists() and there.stat().st_size > 0):
                pass
            client.kill()
            client.wait()
            time.sleep(0.2)
            cut = there.exists() and 0 < there.stat().st_size < len(whole)
            if cut:
                break
        self.assertTrue(cut, "no client was killed in mid-upload")
        watcher = self.watch()
        told = watcher.wait("photo_incomplete")[0]
        self.assertEqual(told["photo"], "big.png")
        self.assertEqual(self.inside(), ["big.png"])
        self.assertEqual(self.send("-c", "put big.png").wait(), 0)
        watcher.wait("job_done")
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
        self.assertEqual((len(watcher.of("job_begin")), self.inside()), (1, ["done/DATE/big.png"]))
        self.assertEqual({kind(event) for event in watcher.events} & {"job_failed", "photo_failed"}, set())


if __name__ == "__main__":
    harness.main()
