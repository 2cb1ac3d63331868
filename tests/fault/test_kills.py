"""Batches, single renders and reports that are killed at every stage by name, before changes of files and in the middle of writes:
what goes on makes each clip once, as if nothing had happened. Some of the changes in turn, and every one with EVERY=1."""
import os
import shutil

import batching
import harness
import injecting
import watching
from harness import OK
from injecting import CHANGES, EVERY, SMALL

# Where a job may be, by the call before which it is killed: name, calls, path, which of them.
NAMED = (
    ("journal begun", "write", "out/.packshot/journal.sqlite", 1),
    ("rows added", "sync", "out/.packshot/journal.sqlite-wal", 2),
    ("claimed", "open", "p1.png", 2),
    ("state begun", "create", "*.state.packshot-*.tmp", 1),
    ("second step, state being written", "write", "*.state.packshot-*.tmp", 6),
    ("state not named", "rename", "*.state", 2),
    ("clip begun", "create", "out/.p1.mp4.packshot-*.tmp", 1),
    ("clip being encoded", "write", "out/.p1.mp4.packshot-*.tmp", 3),
    ("trailer", "write", "out/.p1.mp4.packshot-*.tmp", 5),
    ("label", "write", "out/.p1.mp4.packshot-*.tmp", 7),
    ("fsync", "sync", "out/.p1.mp4.packshot-*.tmp", 1),
    ("sidecar being written", "write", "out/.p1.mp4.json.packshot-*.tmp", 1),
    ("nothing named", "rename", "out/p1.mp4", 1),
    ("clip named, sidecar not", "rename", "out/p1.mp4.json", 1),
    ("done, journal does not say so", "sync", "out", 2),
    ("state to be removed", "unlink", "out/.packshot/*.state", 1),
)


def phases(calls):
    """The first read of each phase of the first job: its name, the part of the checkpoint, and which of that part's reads it is. Before
    the journal has its log, headers are read and files identified."""
    order, seen, begun, steps = ["image_encoder", "vae", "unet"], {}, False, 0
    names = {"image_encoder": "vision", "vae": "encoder", "unet": "unet"}
    for call, path in calls:
        part = path.split("/")[1] if path.endswith(".safetensors") else None
        begun = begun or (call == "create" and path.endswith("-wal"))
        steps += call == "rename" and path.endswith(".state")
        if not part or call != "read":
            continue
        seen[part] = seen.get(part, 0) + 1
        if begun and order and part == order[0]:
            yield names[order.pop(0)], part, seen[part]
        elif steps == injecting.STEPS and part == "vae":
            yield "decoder", part, seen[part]
            return


class Rows(injecting.Case):
    """A batch of `count` rows, each of which becomes `files` files."""

    def setUp(self):
        super().setUp()
        self.rows(self.count)
        self.calm = self.faulted(self.arguments(out="calm"))
        self.assertEqual(self.calm.returncode, OK, self.calm.stderr)
        self.expected = self.clips("calm")
        self.assertEqual(len(self.expected), self.files * self.count)

    def kill_at(self, at, do="kill"):
        self.begin_anew()
        result = self.killed(self.arguments(), at, do)
        if result.stage:
            self.finish(self.count, self.expected, "%s of %s at %s" % (do, result.place, at))
        return result.stage


class Batch(Rows):
    count, files = 3 if EVERY else 2, 2

    def test_at_every_stage_by_name(self):
        for name, calls, path, number in NAMED:
            with self.subTest(name):
                self.assertTrue(self.kill_at("%s:%s:%d" % (calls, path, number)), "the stage was not met")

    def test_in_every_phase(self):
        """A phase begins with the first read of its weights; the photo of the first job has been decoded by then."""
        found = list(phases(self.calm.calls))
        self.assertEqual([phase for phase, _, _ in found], ["vision", "encoder", "unet", "decoder"])
        for phase, part, number in found:
            with self.subTest(phase):
                self.assertTrue(self.kill_at("read:model/%s/*.safetensors:%d" % (part, number)), "the phase was not met")

    def test_before_changes(self):
        count = self.sweep(lambda number: self.kill_at("%s:*:%d" % (CHANGES, number)), step=1 if EVERY else 40)
        self.tell("killed before %d changes" % count)
        self.assertGreater(count, 200 if EVERY else 3)

    def test_in_writes(self):
        count = self.sweep(lambda number: self.kill_at("write:*:%d" % number, "half"), step=1 if EVERY else 40)
        self.tell("killed in %d writes" % count)
        self.assertGreater(count, 100 if EVERY else 2)

    def test_cancelled_after_a_kill(self):
        """Nobody goes on with the job, so its state goes too."""
        self.begin_anew()
        self.killed(self.arguments(), "write:*.state.packshot-*.tmp:6")
        self.assertEqual(len([name for name in self.left() if ".state" in name]), 3)
        self.expect(OK, "cancel", "out")
        self.expect(OK, "resume", "out")
        self.assertEqual(self.left(), [])
        self.assertEqual(self.counts()["ignored"], self.count)

    def test_while_a_report_is_written(self):
        """What was there stays until the new one is whole."""
        self.expect(OK, *self.arguments())
        for name in ("out.report.csv", "out.report.json", "out.report.html") if EVERY else ("out.report.json",):
            report = ["report", "out", "-o", name, "--overwrite"]
            self.expect(OK, *report)
            whole = (self.folder / name).read_bytes()
            self.sweep(lambda number: self.kill_report(name, report, whole, number))
        self.assertGreater(self.met["report written"], 0)
        self.assertGreater(self.met["report complete, not named"], 0)
        self.tell("reports killed")

    def kill_report(self, name, report, whole, number):
        path = self.folder / name
        path.write_bytes(b"older")
        result = self.killed(report, "%s:*.report.*:%d" % (CHANGES, number))
        if result.stage:
            self.assertIn(path.read_bytes(), (b"older", whole), result.place)
            self.expect(OK, *report)
        self.assertEqual(path.read_bytes(), whole)
        self.assertEqual(self.left(), [], result.place)
        return result.stage


class Takes(Rows):
    """Candidates: of each its clip, sidecar, poster and latents; of all of them contact sheet and page."""
    count, files = 2, 2 * 4 + 2

    def arguments(self, *more, **options):
        return super().arguments("--candidates", "2", "--poster", "{name}.png", *more, **options)

    def test_before_each_name(self):
        count = self.sweep(lambda number: self.kill_at("rename:out/*:%d" % number))
        self.tell("candidates killed before %d names" % count)
        self.assertGreaterEqual(count, self.files * self.count)

    def test_before_changes(self):
        count = self.sweep(lambda number: self.kill_at("%s:out/*:%d" % (CHANGES, number)), step=1 if EVERY else 60)
        self.tell("candidates killed before %d changes" % count)
        self.assertGreater(count, 200 if EVERY else 2)


class Single(injecting.Case):
    """The same command once more after the kill."""

    def setUp(self):
        super().setUp()
        self.photo()
        self.step = 1 if EVERY else 9

    def render(self, *more, out="out"):
        return ["render", "photo.png", "--model", "model", "--reproducible", "--quiet", *SMALL, *[word.replace("OUT", out) for word in more]]

    def files_in(self, out):
        return {str(path.relative_to(self.folder / out)): path.read_bytes() for path in sorted((self.folder / out).rglob("*")) if path.is_file()}

    def play(self, *more, old=None):
        (self.folder / "calm").mkdir()
        self.expect(OK, *self.render(*more, out="calm"))
        expected = self.files_in("calm")
        for action, calls, step in (("kill", "rename", 1), ("kill", CHANGES, self.step), ("half", "write", self.step)):
            count = self.sweep(lambda number: self.kill_at("%s:*:%d" % (calls, number), action, more, expected, old), step=step)
            self.tell("%s: %s at %d calls" % (" ".join(more), action, count))
            self.assertGreater(count, 1)

    def kill_at(self, at, do, more, expected, old):
        self.begin_anew()
        shutil.copytree(old, self.folder / "out") if old else (self.folder / "out").mkdir()
        before = self.files_in("out")
        result = self.killed(self.render(*more), at, do)
        if result.stage:
            self.check_old_or_new(before, expected, result.place)
            named = not old and any((self.folder / "out" / name).exists() for name in expected)
            self.expect(OK, *self.render(*more, *(["--overwrite"] if named else [])))
        self.assertEqual(self.files_in("out"), expected, result.place)
        return result.stage

    def check_old_or_new(self, before, after, place):
        """Under each name is the old file, the new one or none; and a sidecar only beside the clip that it tells of."""
        now = {name: content for name, content in self.files_in("out").items() if ".packshot-" not in name and name != "state"}
        for name, content in now.items():
            self.assertIn(content, (before.get(name), after.get(name)), "%s: %s" % (place, name))
        if "clip.mp4.json" in now:
            same = before if now["clip.mp4.json"] == before.get("clip.mp4.json") else after
            self.assertEqual(now["clip.mp4"], same["clip.mp4"], place)

    def test_with_a_state(self):
        self.play("-o", "OUT/clip.mp4", "--state", "OUT/state", "--poster", "OUT/poster.png")

    def test_a_folder_of_pictures(self):
        self.play("-o", "OUT/frames/", "--overwrite")

    def test_over_an_older_clip(self):
        (self.folder / "old").mkdir()
        self.expect(OK, *self.render("-o", "OUT/clip.mp4", "--seed", "9", out="old"))
        self.play("-o", "OUT/clip.mp4", "--overwrite", old=self.folder / "old")

    def test_a_living_render_keeps_its_temporaries(self):
        """Two of one name: the second clears away what nobody works on, and the first comes to its end."""
        signer = self.write("signer", b"#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done\n")
        os.chmod(signer, 0o700)
        first = self.start(*self.render("-o", "clip.mp4", "--overwrite", "--sign-with", signer))
        self.wait_for(lambda: batching.temporaries(self.folder))
        living = batching.temporaries(self.folder)
        self.write(".clip.mp4.packshot-01234567.tmp", b"half a clip")
        self.expect(OK, *self.render("-o", "clip.mp4"))
        self.assertEqual(batching.temporaries(self.folder), living)
        self.write("go", b"")
        told = first.communicate(timeout=60)[1]
        self.assertEqual(first.returncode, OK, told)
        self.assertEqual(batching.temporaries(self.folder), [])


class Watch(injecting.Case, watching.Case):
    """A watcher that is killed: the next one has each photo's clip once, and each photo in its place."""
    count = 2
    named = (("claimed", "rename", "in/.packshot/work/*", 1),
             ("clip named, sidecar not", "rename", "out/p1.mp4.json", 1),
             ("done, photo not moved", "rename", "in/done/*", 1),
             ("one photo moved", "sync", "in/done/*", 1))

    def setUp(self):
        super().setUp()
        self.fill()
        self.expect(OK, *self.watching(out="calm"))
        self.expected, self.moved = self.clips("calm"), self.inside()
        self.assertEqual((len(self.expected), len(self.moved)), (2 * self.count, self.count))

    def fill(self):
        for number in range(self.count):
            self.put("p%d.png" % number, number)

    def watching(self, *more, **options):
        return super().watching("--once", "--quiet", *more, small=SMALL, **options)

    def kill_at(self, at):
        self.begin_anew("in", "out")
        self.fill()
        result = self.killed(self.watching(), at)
        photos = sorted(path.name for path in (self.folder / "in").rglob("*.png"))
        self.assertEqual(photos, ["p%d.png" % number for number in range(self.count)], result.place)
        if result.stage:
            self.outlast_lease(result.place)
            self.expect(OK, *self.watching())
        self.assertEqual((self.clips(), self.inside(), self.held()), (self.expected, self.moved, []), result.place)
        self.assertEqual(self.left(), [], result.place)
        return result.stage

    def test_at_every_stage_by_name(self):
        for name, calls, path, number in self.named:
            with self.subTest(name):
                self.assertTrue(self.kill_at("%s:%s:%d" % (calls, path, number)), "the stage was not met")

    def test_before_changes_of_the_folder(self):
        count = self.sweep(lambda number: self.kill_at("%s:in*:%d" % (CHANGES, number)), step=1 if EVERY else 9)
        self.tell("watcher killed before %d changes of its folder" % count)
        self.assertGreater(count, 10 if EVERY else 1)


if __name__ == "__main__":
    harness.main()
