"""A disk that is full, fails, is over its quota or becomes read-only, at each change of a file in turn: never exit 0 with an
incomplete file, one error that names the place and the cure, nothing half-written under a final name, no temporary left where it
could be removed; and once the disk is well again what goes on makes the same clips. Some calls in turn; with EVERY=1 all of a render
and nearly all of a batch."""
import os
import shutil

import batching
import harness
import injecting
import watching
from harness import OK, OUTPUT
from injecting import CHANGES, EVERY, SMALL, SPACE

# Name, calls that fail, what with, whether all later ones fail too, and whether temporaries can still be removed.
FAULTS = (
    ("full", SPACE, "ENOSPC", True, True),
    ("full for a moment", SPACE, "ENOSPC", False, True),
    ("over its quota", SPACE, "EDQUOT", True, True),
    ("failing", CHANGES, "EIO", True, False),
    ("failing once", CHANGES, "EIO", False, False),
    ("read-only", "create|mkdir|write|truncate|rename|link|unlink", "EROFS", True, False),
)


class Disk(injecting.Case):
    def told_of(self, result):
        """What went wrong, as text; there has to be one error, with what to do."""
        told = result.stderr.decode(errors="replace")
        if result.returncode != OK:
            self.assertEqual(result.returncode, OUTPUT, "%s: %s" % (result.place, told))
            self.assertEqual(told.count("packshot: error: "), 1, "%s: %s" % (result.place, told))
            self.assertEqual(told.count("packshot: hint: "), 1, "%s: %s" % (result.place, told))
        return told

    def play(self, once, some, every):
        """once(at, error, removes) is called for each fault and each call after so many, in the order of FAULTS; returns whether there was
        such a call."""
        for (name, calls, error, onward, removes), step in zip(FAULTS, every if EVERY else some):
            before = sum(self.met.values())
            at = "%s:*:%%d%s" % (calls, "+" if onward else "")
            self.sweep(lambda number: once(at % number, error, removes), step=step)
            self.assertGreater(sum(self.met.values()), before, name)
            print("%s: %d points" % (name, sum(self.met.values()) - before), flush=True)


class Render(Disk):
    def setUp(self):
        super().setUp()
        self.photo()

    def render(self, out="out", *more):
        return ["render", "photo.png", "-o", out + "/clip.mp4", "--state", out + "/state", "--model", "model", "--reproducible", "--quiet",
                *SMALL, *more]

    def files_in(self, out="out"):
        return {path.name: path.read_bytes() for path in sorted((self.folder / out).iterdir())}

    def test_a_render(self):
        (self.folder / "calm").mkdir()
        self.expect(OK, *self.render("calm"))
        self.expected = self.files_in("calm")
        self.play(self.once, (7, 11, 13, 9, 5, 11), (1,) * 6)

    def once(self, at, error, removes):
        self.begin_anew()
        (self.folder / "out").mkdir()
        result = self.faulted(self.render(), at, error)
        if not result.stage:
            self.assertEqual((result.returncode, self.files_in()), (OK, self.expected), at)
            return False
        self.met[result.stage] += 1
        told = self.told_of(result)
        found = self.files_in()
        for name, content in self.expected.items():
            self.assertIn(found.get(name), (None, content), result.place)
        if result.returncode == OK:
            self.assertEqual({name: content for name, content in found.items() if name != "state"}, self.expected, "%s: %s" % (result.place, told))
        else:
            self.assertIn("out/", told)
        if removes:
            self.assertEqual(batching.temporaries(self.folder), [], result.place)
        self.expect(OK, *self.render("out", "--overwrite"))
        self.assertEqual(self.files_in(), self.expected, result.place)
        return True


class Batch(Disk):
    count = 2

    def setUp(self):
        super().setUp()
        self.rows(self.count)
        self.batch(OK, out="calm")
        self.expected = self.clips("calm")

    def test_between_the_two_names(self):
        """The clip has its name and its sidecar has not, and the worker lives to say so."""
        for error, at in (("EIO", "rename:out/p0.mp4.json:1"), ("ENOSPC", "rename|write:out/*p0.mp4.json*:2+"), ("EIO", "sync:out:1")):
            with self.subTest(at):
                self.assertTrue(self.once(at, error, True))

    def test_a_batch(self):
        self.play(self.once, (43, 61, 83, 47, 29, 53), (1, 1, 3, 3, 1, 3))

    def once(self, at, error, removes):
        self.begin_anew()
        result = self.faulted(self.arguments(), at, error)
        told = result.stderr.decode(errors="replace")
        if not result.stage:
            self.assertEqual((result.returncode, self.clips()), (OK, self.expected), at)
            return False
        self.met[result.stage] += 1
        self.told_of(result)
        found = self.clips()
        for name, content in found.items():
            if ".packshot-" not in name:
                self.assertEqual(content, self.expected[name], result.place)
        if result.returncode == OK:
            self.assertEqual(found, self.expected, "%s: %s" % (result.place, told))
        if removes:
            self.assertEqual(batching.temporaries(self.folder), [], "%s: %s" % (result.place, told))
        self.check_journal(found, result.place)
        self.finish(self.count, self.expected, "%s at %s, %s: %s" % (error, at, result.place, told))
        return True

    def check_journal(self, found, place):
        """What it says to be done is there."""
        if not (self.folder / "out/.packshot/journal.sqlite").exists() or not self.has_rows():
            return
        for job in self.report()["jobs"]:
            self.assertIn(job["state"], ("waiting", "running", "done"), "%s: %s" % (place, job))
            if job["state"] == "done":
                name = os.path.basename(job["output"])
                self.assertTrue(name in found and name + ".json" in found, "%s: %s is done" % (place, name))


class Watch(Disk, watching.Case):
    count = 2

    def setUp(self):
        super().setUp()
        self.fill()

    def fill(self):
        shutil.rmtree(self.folder / "in", ignore_errors=True)
        for number in range(self.count):
            self.put("p%d.png" % number, number)

    def watching(self, *more, **options):
        return super().watching("--once", "--quiet", *more, small=SMALL, **options)

    def test_a_watched_folder(self):
        self.expect(OK, *self.watching(out="calm"))
        self.expected = self.clips("calm")
        self.assertEqual(len(self.expected), 2 * self.count)
        self.moved = self.inside()
        self.assertEqual(self.moved, ["done/DATE/p%d.png" % number for number in range(self.count)])
        self.play(self.once, (97, 131, 211, 101, 61, 113), (13, 17, 29, 13, 7, 17))

    def photos_in(self):
        return sorted(path.name for path in (self.folder / "in").rglob("*.png"))

    def once(self, at, error, removes):
        self.begin_anew()
        self.fill()
        result = self.faulted(self.watching(), at, error)
        if not result.stage:
            self.assertEqual((result.returncode, self.clips()), (OK, self.expected), at)
            return False
        self.met[result.stage] += 1
        told = self.told_of(result)
        for name, content in (self.clips() if (self.folder / "out").exists() else {}).items():
            if ".packshot-" not in name:
                self.assertEqual(content, self.expected[name], result.place)
        self.assertEqual(self.photos_in(), ["p%d.png" % number for number in range(self.count)], "%s: %s" % (result.place, told))
        if result.returncode == OK and self.inside() == self.moved:
            self.assertEqual(self.clips(), self.expected, result.place)
        if removes:
            self.assertEqual(batching.temporaries(self.folder), [], result.place)
        else:
            self.outlast_lease(result.place)
        self.expect(OK, *self.watching())
        self.assertEqual((self.clips(), self.inside(), self.held()), (self.expected, self.moved, []), "%s: %s" % (result.place, told))
        self.assertEqual(batching.temporaries(self.folder), [], result.place)
        return True


if __name__ == "__main__":
    harness.main()
