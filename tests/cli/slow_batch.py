"""A long batch that is killed 30 times at random and resumed each time: every clip is there once, and is that of a batch that
nothing disturbed. In the ctest label slow. ROWS and KILLS make it shorter."""
import os
import sqlite3
import time

import batching
import harness
from batching import SMALL
from harness import OK, TRY_AGAIN

ROWS, KILLS = int(os.environ.get("ROWS", 500)), int(os.environ.get("KILLS", 30))


class Long(batching.Case):
    def to_the_end(self, *arguments):
        process = self.start(*arguments)
        told = process.communicate(timeout=3000)[1]
        self.assertEqual(process.returncode, OK, told)

    def test_killed_and_resumed(self):
        self.rows(ROWS)
        seed = int.from_bytes(os.urandom(4), "big")
        print("seed", seed, flush=True)
        begun = time.monotonic()
        self.to_the_end(*self.arguments("--quiet", out="calm"))
        longest = 2 * (time.monotonic() - begun) / KILLS
        killed = self.kill_and_resume(KILLS, longest, self.arguments("--quiet"), seed=seed, to_the_end=self.to_the_end)
        self.assertGreater(killed, KILLS // 2)
        clips, expected = self.clips(), self.clips("calm")
        self.assertEqual(len(clips), 2 * ROWS)
        self.assertEqual(sorted(clips), sorted(expected))
        for name, content in clips.items():
            self.assertEqual(content, expected[name], name)
        self.assertEqual(batching.temporaries(self.folder), [])
        counts = self.counts()
        self.assertEqual((counts["total"], counts["done"]), (ROWS, ROWS))
        report = self.report()
        self.assertEqual(sorted(job["row"] for job in report["jobs"]), list(range(2, ROWS + 2)))
        self.assertEqual({job["state"] for job in report["jobs"]}, {"done"})
        # Nothing is left to do, for a batch either.
        again = self.summary(self.batch(OK, "--json", "--quiet"))
        self.assertEqual((again["rendered"], again["recognised"]), (0, 0))


class Locked(batching.Case):
    """Another program holds the journal, for longer than SQLite is told to wait for it."""

    def hold(self):
        other = sqlite3.connect(self.folder / "out/.packshot/journal.sqlite", isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        return other

    def test_a_running_batch_goes_on(self):
        self.rows(3)
        process = self.start(*self.arguments("--quiet", small=[*SMALL[:5], "2", "--steps", "200", *SMALL[8:]]))
        self.wait_for(lambda: (self.folder / "out/.packshot/journal.sqlite").exists() and
                      self.packshot("status", "out").returncode == OK and self.counts()["running"])
        other = self.hold()
        time.sleep(45)
        other.execute("ROLLBACK")
        self.assertEqual(process.wait(300), OK)
        self.assertEqual(self.counts()["done"], 3)

    def test_in_the_end_it_says_try_again(self):
        self.rows(1)
        self.batch(OK)
        self.hold()
        self.resume(TRY_AGAIN, says=["another program holds it", "try again"])


if __name__ == "__main__":
    harness.main()
