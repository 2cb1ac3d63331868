"""Candidates, drafts, other seeds and posters of many photos: as options of the call and as columns, under names that never meet."""
import json
import os
import re

import batching
import harness
import watching
from batching import SMALL
from harness import INPUT, OK, USAGE

STEPS = [*SMALL[:-5], "2", *SMALL[-4:]]


class Takes(watching.Case):
    def takes(self, code, *more, out="out", **options):
        return self.expect(code, *self.arguments(*more, small=STEPS, out=out), **options)

    def single(self, photo, output, *more):
        self.expect(OK, "render", photo, "-o", output, "--model", self.model(), "--reproducible", *STEPS, *more)

    def test_candidates_and_drafts_are_those_of_a_single_render(self):
        self.photos(3)
        self.list("photo,seed,candidates,draft\np0.png,4,2,\np1.png,,,1\np2.png,9,2,1\n")
        result = self.takes(OK, "--json")
        for photo, more in (("p0", ["--seed", "4", "--candidates", "2"]), ("p1", ["--draft", "1"]),
                            ("p2", ["--seed", "9", "--candidates", "2", "--draft", "1"])):
            (self.folder / "alone").mkdir(exist_ok=True)
            self.single(photo + ".png", "alone/%s.mp4" % photo, *more)
        alone = {path.name: path.read_bytes() for path in (self.folder / "alone").iterdir()}
        made = self.clips()
        self.assertEqual(sorted(made), sorted(alone))
        for name in made:
            if not name.endswith((".json", ".html")):
                self.assertEqual(made[name], alone[name], name)
        self.assertEqual(sorted(name for name in made if name.endswith(".mp4")),
                         ["p0-seed4.mp4", "p0-seed5.mp4", "p1.mp4", "p2-seed10.mp4", "p2-seed9.mp4"])
        done = [event for event in self.events(result) if event["event"] == "job_done"]
        self.assertEqual([len(event["takes"]) for event in done], [2, 1, 2])
        # What was chosen goes on from its latents, to the clip of its seed.
        self.expect(OK, "render", "p2.png", "--from", "out/p2-seed10.mp4.json", "-o", "chosen.mp4", "--model", self.model(), "--device", "cpu",
                    "--reproducible")
        self.single("p2.png", "whole.mp4", "--seed", "10")
        self.assertEqual((self.folder / "chosen.mp4").read_bytes(), (self.folder / "whole.mp4").read_bytes())
        # All of it is known, also without the journal, and reports show it.
        for journal in (["--journal", "other.sqlite"], []):
            summary = self.summary(self.takes(OK, "--json", *journal))
            self.assertEqual((summary["rendered"], summary["recognised"]), (0, 3 if journal else 0))
            self.assertEqual([job["clips"] for job in self.report("other.sqlite" if journal else "out")["jobs"]],
                             [["out/p0-seed4.mp4", "out/p0-seed5.mp4"], ["out/p1.mp4"], ["out/p2-seed9.mp4", "out/p2-seed10.mp4"]])
        # What is gone is made again.
        for gone in (["p0-seed5.mp4", "p0-seed5.mp4.json"], ["p0-candidates.png"], ["p2-candidates.html"]):
            for name in gone:
                os.unlink(self.folder / "out" / name)
            self.assertEqual(self.summary(self.takes(OK, "--json"))["rendered"], 1, gone)
            self.assertEqual(self.clips().keys(), made.keys())

    def test_of_every_row(self):
        self.rows(2)
        result = self.takes(OK, "--candidates", "2", "--draft", "1", "--poster", "{name}_{row}.png", "--json")
        self.assertEqual(sorted(name for name in self.clips() if name.endswith((".mp4", ".png"))), sorted(
            name for photo, row, seeds in (("p0", 2, (0, 1)), ("p1", 3, (1, 2)))
            for name in ["%s-candidates.png" % photo] + [
                name for seed in seeds for name in ("%s-seed%d.mp4" % (photo, seed), "%s_%d-seed%d.png" % (photo, row, seed))]))
        self.assertEqual(self.summary(result)["counts"]["done"], 2)
        # A dry run names every clip.
        plan = self.events(self.takes(OK, "--candidates", "2", "--deliver", "1:1,4:3", "--dry-run", "--json", out="dry"))
        names = ["p0-seed%d-%s.mp4" % (seed, mark) for seed in (0, 1) for mark in ("1x1", "4x3")]
        self.assertEqual(plan[0]["clips"], [str(self.folder / "dry" / name) for name in names])
        told = self.takes(OK, "--candidates", "2", "--deliver", "1:1,4:3", "--dry-run", out="dry").stdout.decode().split()
        self.assertEqual(told[:4], plan[0]["clips"])
        self.assertEqual(len(told), 8)
        # More work and more room than one, for the estimate too.
        cost = {}
        for more in ([], ["--candidates", "3"]):
            events = self.events(self.takes(OK, "--dry-run", "--json", "--overwrite", *more))
            cost[len(more)] = events[-1]["seconds"], events[-1]["bytes"]
        self.assertGreater(cost[2][1], 2.5 * cost[0][1])

    def test_posters(self):
        self.photos(2)
        self.list("photo,poster\np0.png,\np1.png,front.jpg\n")
        self.batch(OK, "--deliver", "1:1,4:3")
        self.assertEqual(sorted(name for name in self.clips() if name.endswith(".jpg")), ["front-1x1.jpg", "front-4x3.jpg"])
        self.list("photo,sku\np0.png,a\np1.png,b\n")
        self.batch(OK, "--poster", "{sku}.png", "--overwrite")
        made = self.clips()
        self.assertIn("a.png", made)
        self.single("p1.png", "alone.mp4", "--steps", "1", "--poster", "alone.png")
        self.assertEqual(made["b.png"], (self.folder / "alone.png").read_bytes())
        # One that is gone is made again, and nothing else; somebody's own stays.
        os.unlink(self.folder / "out/a.png")
        self.assertEqual(self.summary(self.batch(OK, "--poster", "{sku}.png", "--json"))["rendered"], 1)
        self.assertEqual(self.clips(), made)
        self.write("other/a.png", b"mine")
        self.batch(INPUT, "--poster", "{sku}.png", out="other", says=["list.csv:2: ", "other/a.png", "--overwrite"])
        self.assertEqual(self.clips("other"), {"a.png": b"mine"})

    def test_names_that_would_meet_are_refused_before_the_first_render(self):
        self.photos(2)
        for text, more, words in (
                ("photo,output,candidates\np0.png,a.mp4,2\np1.png,a-seed1.mp4,\n", [], "a-seed1.mp4"),
                ("photo,output,candidates\np0.png,a.mp4,2\np1.png,a.mov,3\n", [], "a-candidates.png"),
                ("photo,output,draft\np0.png,a.mp4,1\np1.png,a.mp4.latents.safetensors,\n", ["--codec", "h264"], "a.mp4.latents.safetensors"),
                ("photo,poster\np0.png,same.png\np1.png,same.png\n", [], "same.png"),
                ("photo\np0.png\np1.png\n", ["--poster", "one.png"], "one.png")):
            with self.subTest(words=words):
                self.list(text)
                result = self.takes(INPUT, *more, says=[words, "row 2"])
                self.assertEqual(result.stdout, b"")
                self.assertFalse((self.folder / "out").exists())
        self.list("photo,poster\np0.png,x.txt\np1.png,{nmae}.png\n")
        self.takes(INPUT, says=["list.csv:2", "x.txt", "list.csv:3:2: ", "{name}"])
        self.list("photo,draft,candidates\np0.png,0,1\np1.png,,x\n")
        self.takes(INPUT, says=["list.csv:2:2: ", "list.csv:2:3: ", "list.csv:3:3: "])
        self.takes(USAGE, "--poster", "{skoo}.png", says="skoo")

    def test_what_is_of_one_clip_is_refused_with_the_reason(self):
        self.rows(1)
        for option in ("--taps", "--taps-in", "--state", "--from"):
            self.takes(USAGE, option, "x", says=[option, "is about one clip", "packshot render"])
            self.expect(USAGE, "watch", "in", option, "x", says="is about one clip")
        self.takes(USAGE, "--candidates", "2", "--rerolls", "2", says=["--candidates", "--rerolls"])
        self.list("photo,taps,model\np0.png,x,y\n")
        self.takes(INPUT, says=['list.csv:1:2: "taps" is an option', 'list.csv:1:3: "model" is an option', "and no column"])
        self.list("photo,candidates,on-fail\np0.png,2,reroll\n")
        self.takes(INPUT, says=["list.csv:2", "--candidates"])

    def test_other_seeds_are_tried(self):
        photo = self.write("p.png", (harness.PIPELINES / "long" / "photo.png").read_bytes())
        self.list("photo,on-fail,rerolls,seed\n%s,reroll,1,3\n" % os.path.basename(photo))
        small = ["--width", "64", "--height", "48", "--frames", "6", "--steps", "2", "--device", "cpu", "--model", self.model("long")]
        result = self.expect(OK, *self.arguments("--json", small=small))
        done = next(event for event in self.events(result) if event["event"] == "job_done")
        alone = self.expect(OK, "render", photo, "-o", "alone.mp4", "--json", "--reproducible", *small, "--seed", "3", "--on-fail", "reroll",
                            "--rerolls", "1")
        self.assertEqual(done["tried"], self.events(alone)[-1]["tried"])
        self.assertEqual(self.clips()["p.mp4"], (self.folder / "alone.mp4").read_bytes())

    def test_of_a_watched_folder(self):
        self.put("client/a.png", 1)
        self.once(OK, "--candidates", "2", "--poster", "{name}.jpg", small=STEPS)
        self.assertEqual(self.movies(), ["client/a-seed0.mp4", "client/a-seed1.mp4"])
        self.assertIn("client/a-seed1.jpg", self.clips())
        # A new photo of the same name has names of its own.
        self.put("client/a.png", 2)
        self.once(OK, "--candidates", "2", "--poster", "{name}.jpg", small=STEPS)
        names = [name for name in self.clips() if name.endswith((".mp4", ".jpg"))]
        self.assertEqual(names, sorted("client/a%s-seed%d.%s" % (mark, seed, end) for mark in ("", "_v2") for seed in (0, 1) for end in ("mp4", "jpg")))

    def test_killed_and_resumed(self):
        """What an attempt left that was cut short stands in no one's way."""
        self.rows(3)
        small = [*SMALL[:-5], "12", *SMALL[-4:]]
        arguments = self.arguments("--candidates", "2", "--poster", "{name}.png", small=small)
        self.expect(OK, *self.arguments("--candidates", "2", "--poster", "{name}.png", small=small, out="calm"))
        self.kill_and_resume(4, 2.0, arguments, seed=7)
        self.assertEqual(self.clips(), self.clips("calm"))
        self.assertEqual(batching.temporaries(self.folder / "out"), [])
        self.assertFalse([name for name in self.clips() if re.search(r"\.state$", name)])
        self.assertEqual(json.loads(self.clips()["p0-seed0.mp4.json"])["job"].keys(), {"key"})


if __name__ == "__main__":
    harness.main()
