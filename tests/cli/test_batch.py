"""Many photos in one call: what a list may say, what is checked, what is told."""
import json
import os
import shutil

import batching
import harness
from batching import NOTHING_TO_DO, SMALL, SOME_FAILED
from harness import CHECKPOINT, INPUT, OK, OUTPUT, USAGE


class Rows(batching.Case):
    def test_each_row_is_the_clip_of_a_single_render(self):
        self.photos(3)
        self.list("Photo;Seed;Motion;Output\np0.png;7;40;sub/first.mp4\np1.png;;;\n\np2.png;3;;\n")
        result = self.batch(OK, "--json")
        single = ["--model", self.model(), "--reproducible", *SMALL]
        for photo, output, more in (("p0.png", "sub/first.mp4", ["--seed", "7", "--motion", "40"]), ("p1.png", "p1.mp4", []),
                                    ("p2.png", "p2.mp4", ["--seed", "3"])):
            self.expect(OK, "render", photo, "-o", "alone.mp4", "--overwrite", *single, *more)
            self.assertEqual(self.clips()[output], (self.folder / "alone.mp4").read_bytes(), output)
        self.assertEqual(sorted(self.clips()), sorted(name + end for name in ("sub/first.mp4", "p1.mp4", "p2.mp4") for end in ("", ".json")))
        summary = self.summary(result)
        self.assertEqual((summary["rendered"], summary["recognised"], summary["counts"]["done"]), (3, 0, 3))
        done = [event for event in self.events(result) if event["event"] == "job_done"]
        self.assertEqual(sorted(event["row"] for event in done), [2, 3, 5])
        for event in done:
            self.assertEqual(json.loads(self.clips()[os.path.relpath(event["output"], self.folder / "out") + ".json"])["job"]["key"], event["key"])

    def test_the_strongest_word_wins(self):
        """Command line, row, preset."""
        self.photos(3)
        self.write("packshot-presets/calm.ini", b"[render]\nmotion = 20\nfps = 5\nnoise-aug = 0.5\n")
        self.list("photo,preset,motion,noise-aug\np0.png,calm,,\np1.png,calm,30,0.1\np2.png,,30,\n")
        self.batch(OK, "--noise-aug", "0.2")
        told = {name: json.loads(text)["parameters"] for name, text in self.clips().items() if name.endswith(".json")}
        self.assertEqual([(told["p%d.mp4.json" % i]["motion"], told["p%d.mp4.json" % i]["fps"]) for i in range(3)],
                         [(20, 5), (30, 5), (30, 7)])
        for parameters in told.values():
            self.assertAlmostEqual(parameters["noise_aug"], 0.2)

    def test_json_lines_and_folders(self):
        self.photos(2)
        self.list('{"photo": "p0.png", "seed": 5, "fps": 6}\n{"photo": "p1.png", "output": "two.mp4"}\n', "list.jsonl")
        self.batch(OK, manifest="list.jsonl")
        self.assertEqual([name for name in self.clips() if name.endswith(".mp4")], ["p0.mp4", "two.mp4"])
        self.assertEqual(json.loads(self.clips()["p0.mp4.json"])["parameters"]["fps"], 6)
        self.write("in/a.png", batching.photo(7))
        self.write("in/notes.txt", b"not a photo")
        result = self.batch(OK, "--json", manifest="in", out="of-folder")
        self.assertEqual([name for name in self.clips("of-folder") if name.endswith(".mp4")], ["a.mp4"])
        self.assertEqual(self.summary(result)["counts"]["ignored"], 1)

    def test_names(self):
        self.photos(2)
        self.list("photo,sku,seed\np0.png,A/1,3\np1.png,A2,4\n")
        self.batch(OK, "--name", "{sku}_{w}x{h}_s{seed}_{row:3}.webm", says=['A/1', "A_1"])
        self.assertEqual([name for name in self.clips() if name.endswith(".webm")], ["A2_16x16_s4_003.webm", "A_1_16x16_s3_002.webm"])
        self.batch(USAGE, "--name", "{skoo}.mp4", says=["skoo", "sku"])
        self.list("photo\np0.png\n")
        self.batch(OK, "--codec", "png", out="frames")
        self.assertIn("p0/frame_00001.png", self.clips("frames"))

    def test_formats(self):
        self.rows(1)
        self.batch(OK, "--deliver", "1:1,4:3")
        self.assertEqual(sorted(self.clips()), ["p0-1x1.mp4", "p0-1x1.mp4.json", "p0-4x3.mp4", "p0-4x3.mp4.json"])
        before = self.clips()
        os.unlink(self.folder / "out/p0-4x3.mp4")
        os.unlink(self.folder / "out/p0-4x3.mp4.json")
        self.batch(OK, "--deliver", "1:1,4:3")
        self.assertEqual(self.clips(), before)


class Checks(batching.Case):
    def problems(self, *more, code=INPUT, **options):
        result = self.batch(code, "--json", *more, **options)
        return [(event["row"], event["column"], event["id"]) for event in self.events(result) if event["event"] == "problem"]

    def test_all_that_is_wrong_is_told_at_once(self):
        self.photos(2)
        self.write("secret.png", batching.photo(1))
        self.list("photo,preset,seed,width,motion,output\n"
                  "p0.png,,1,16,,a.mp4\n"
                  "gone.png,,1,,,b.mp4\n"
                  "p1.png,hreo,,,,c.mp4\n"
                  "p1.png,,-1,10x,,d.mp4\n"
                  "p1.png,,,,9999,../e.mp4\n"
                  "p1.png,,,,,A.mp4\n"
                  "/etc/passwd,,,,,g.mp4\n", "in/list.csv")
        for name in ("p0.png", "p1.png"):
            self.write("in/" + name, batching.photo(3))
        result = self.batch(INPUT, manifest="in/list.csv",
                            says=["in/list.csv:3:1: ", "in/list.csv:4:2: ", "hero", "in/list.csv:5:3: ", "in/list.csv:5:4: ", "10x",
                                  "in/list.csv:6:5: ", "in/list.csv:6:6: ", "in/list.csv:7:6: ", "row 2", "in/list.csv:8:1: ", "nothing was rendered"])
        self.assertEqual(result.stdout, b"")
        self.assertFalse((self.folder / "out").exists())
        rows = self.problems(manifest="in/list.csv")
        self.assertEqual([(row, column) for row, column, _ in rows], [(3, 1), (4, 2), (5, 3), (5, 4), (6, 5), (6, 6), (7, 6), (8, 1)])
        self.batch(INPUT, "--quiet", manifest="in/list.csv", says="in/list.csv:3:1: ")

    def test_columns(self):
        self.rows(1)
        self.list("photo,motoin,device,taps\np0.png,1,cpu,x\n")
        result = self.batch(INPUT, says=["motoin", '"motion"', "device", "taps"])
        self.assertIn(b"list.csv:1:2: ", result.stderr)

    def test_outputs_that_meet(self):
        self.photos(2)
        self.write("b/p0.png", batching.photo(5))
        self.list("photo\np0.png\nb/p0.png\n")
        self.assertEqual(self.problems(), [(3, 0, "output.taken")])
        self.list("photo,output\np0.png,one.mp4\np1.png,one.mp4.json\n")
        self.assertIn((3, 2, "output.taken"), self.problems())

    def test_an_output_is_no_photo(self):
        self.photos(1)
        self.list("photo,output\np0.png,p0.png\n")
        self.assertIn(2, [row for row, _, _ in self.problems("--overwrite", "--codec", "h264", out=".")])
        self.assertEqual((self.folder / "p0.png").read_bytes(), batching.photo(0))

    def test_what_is_there_stays(self):
        self.rows(2)
        self.write("out/p0.mp4", b"somebody's clip")
        self.assertEqual(self.problems(), [(2, 0, "output.exists")])
        self.assertEqual(self.clips(), {"p0.mp4": b"somebody's clip"})
        result = self.batch(OK, "--skip-existing", "--json")
        self.assertEqual(self.summary(result)["counts"]["ignored"], 1)
        self.assertEqual(self.clips()["p0.mp4"], b"somebody's clip")
        self.batch(OK, "--overwrite")
        self.assertGreater(len(self.clips()["p0.mp4"]), 500)

    def test_a_render_that_cannot_be(self):
        self.rows(2)
        self.assertEqual([row for row, _, _ in self.problems("--codec", "vp9", "--name", "{name}.mp4")], [2, 3])
        self.batch(INPUT, "--memory", "1K", says=["list.csv:2: "])
        self.batch(CHECKPOINT, "--model", "nowhere")
        self.batch(INPUT, manifest="nowhere.csv")

    def test_nothing_to_do(self):
        self.list("photo\n")
        self.batch(OK)
        self.batch(NOTHING_TO_DO, "--fail-if-empty", "--json", out="other")
        self.rows(1)
        self.batch(OK)
        self.batch(NOTHING_TO_DO, "--fail-if-empty")

    def test_dry_run_writes_nothing(self):
        self.rows(2)
        before = self.files()
        result = self.batch(OK, "--dry-run", "--json", "--device", "cpu")
        self.assertEqual(self.files(), before)
        events = self.events(result)
        self.assertEqual([event.get("output") for event in events[:-1]], [str(self.folder / "out" / name) for name in ("p0.mp4", "p1.mp4")])
        self.assertEqual((events[-1]["jobs"], events[-1]["dry_run"]), (2, True))
        for event in events:
            self.assertGreater(event["bytes"], 0)
            self.assertGreater(event["seconds"], 0)
        self.assertEqual(self.batch(OK, "--dry-run", "--device", "cpu").stdout.decode().split(), [event["output"] for event in events[:-1]])

    def test_a_disk_that_is_too_small(self):
        self.rows(1)
        space = os.statvfs(self.folder)
        # 14400 frames of 8192x8192 at 5.4 bits a pixel.
        if space.f_bavail * space.f_frsize > 600e9:
            self.skipTest("600 GB are free")
        self.batch(OUTPUT, "--size", "8192x8192", "--hold", "60", "--rate", "240", "--codec", "prores-4444", says=["need about", "free"])
        self.assertFalse((self.folder / "out").exists())


class Outcomes(batching.Case):
    def test_a_bad_photo_stops_no_other(self):
        self.rows(3)
        self.write("p1.png", batching.photo(1)[:60])
        result = self.batch(SOME_FAILED, "--json", says=["1 of 3 jobs failed", "p1.mp4: failed: "])
        self.assertEqual(sorted(name for name in self.clips() if name.endswith(".mp4")), ["p0.mp4", "p2.mp4"])
        failed = [event for event in self.events(result) if event["event"] == "job_failed"]
        self.assertEqual([(event["row"], event["id"], event["again"]) for event in failed], [(3, "image.truncated", False)])
        self.assertEqual(self.events(result)[-1]["name"], "some-failed")
        counts = self.summary(result)["counts"]
        self.assertEqual((counts["done"], counts["failed"]), (2, 1))
        # It stays failed until it is asked for.
        self.assertEqual(self.summary(self.batch(SOME_FAILED, "--json"))["rendered"], 0)
        again = self.events(self.batch(SOME_FAILED, "--json", "--retry-failed"))
        self.assertEqual([event["row"] for event in again if event["event"] == "job_failed"], [3])
        self.expect(OK, "retry", "out")
        self.assertEqual(self.counts()["waiting"], 1)
        self.resume(SOME_FAILED)
        # The photo that is mended is a job of its own.
        self.write("p1.png", batching.photo(1))
        self.batch(OK)
        self.assertIn("p1.mp4", self.clips())

    def test_what_is_done_is_not_done_again(self):
        self.rows(2)
        self.batch(OK)
        before, times = self.clips(), {path: os.stat(path).st_mtime_ns for path in (self.folder / "out").glob("*.mp4")}
        self.assertEqual(self.summary(self.batch(OK, "--json"))["rendered"], 0)
        # Nor where the journal is lost: the sidecars know.
        shutil.rmtree(self.folder / "out/.packshot")
        summary = self.summary(self.batch(OK, "--json"))
        self.assertEqual((summary["rendered"], summary["recognised"]), (0, 2))
        self.assertEqual({path: os.stat(path).st_mtime_ns for path in times}, times)
        # A clip that is gone is made again, and one that was changed is somebody's.
        os.unlink(self.folder / "out/p0.mp4")
        self.assertEqual(self.summary(self.batch(OK, "--json"))["rendered"], 1)
        self.assertEqual(self.clips(), before)
        self.write("out/p1.mp4", before["p1.mp4"] + b"x")
        self.batch(INPUT, says="p1.mp4")
        self.assertEqual(self.summary(self.batch(OK, "--json", "--overwrite"))["rendered"], 1)
        self.assertEqual(self.summary(self.batch(OK, "--json", "--force"))["rendered"], 2)
        self.assertEqual(self.clips(), before)

    def test_other_options_are_another_job(self):
        self.rows(1)
        self.batch(OK)
        self.batch(INPUT, "--motion", "9", says=["p0.mp4", "--overwrite"])
        self.batch(OK, "--motion", "9", "--overwrite")
        self.assertEqual(json.loads(self.clips()["p0.mp4.json"])["parameters"]["motion"], 9)
        self.assertEqual(self.counts()["total"], 1)

    def test_a_sidecar_of_a_batch_can_be_repeated(self):
        self.rows(1)
        self.batch(OK)
        self.expect(OK, "render", "p0.png", "--from", "out/p0.mp4.json", "-o", "again.mp4", "--model", self.model(), "--device", "cpu",
                    "--reproducible")
        self.assertEqual((self.folder / "again.mp4").read_bytes(), self.clips()["p0.mp4"])

    def test_shards_share_the_rows(self):
        self.rows(6)
        for part in (1, 2, 3):
            self.batch(OK, "--shard", "%d/3" % part, "--journal", "j%d.sqlite" % part)
        self.assertEqual(sorted(name for name in self.clips() if name.endswith(".mp4")), ["p%d.mp4" % i for i in range(6)])
        totals = [self.events(self.expect(OK, "status", "j%d.sqlite" % part, "--json"))[0]["counts"]["total"] for part in (1, 2, 3)]
        self.assertEqual(sum(totals), 6)
        self.batch(USAGE, "--shard", "4/3")

    def test_report_and_its_counts(self):
        self.rows(3)
        self.write("p1.png", b"no picture at all")
        self.batch(SOME_FAILED)
        report = self.report()
        self.assertIn("p1.png", json.dumps(report))
        for name in ("report.csv", "report.html"):
            self.expect(OK, "report", "out", "-o", name)
            text = (self.folder / name).read_text()
            for number in range(3):
                self.assertIn("p%d" % number, text)
        self.expect(OUTPUT, "report", "out", "-o", "report.csv")
        self.expect(USAGE, "report", "out", "-o", "report.pdf")
        self.expect(INPUT, "report", "nowhere", "-o", "r.csv")

    def test_the_higher_priority_goes_first(self):
        self.photos(4)
        self.list("photo,priority\np0.png,-5\np1.png,\np2.png,1000\np3.png,7\n")
        begun = [event["row"] for event in self.events(self.batch(OK, "--json")) if event["event"] == "job_begin"]
        self.assertEqual(begun, [4, 5, 3, 2])
        self.batch(INPUT, "--dry-run", manifest=self.list("photo,priority\np0.png,1001\n"), says=":2:2: ")

    def test_cancel(self):
        self.rows(2)
        self.batch(OK, "--shard", "1/1")
        self.assertIn(b"0 jobs", self.expect(OK, "cancel", "out").stdout)
        self.expect(INPUT, "cancel", "out", "--job", "1")

    def test_events(self):
        self.rows(2)
        events = self.events(self.batch(OK, "--json"))
        kinds = [event["event"] for event in events]
        self.assertEqual((kinds[0], kinds[-1]), ("batch_begin", "batch_summary"))
        self.assertEqual((kinds.count("job_begin"), kinds.count("job_done")), (2, 2))
        progress = [event for event in events if event["event"] == "progress"]
        self.assertEqual({(event["job"], event["number"], event["count"]) for event in progress}, {("p0.mp4", 1, 2), ("p1.mp4", 2, 2)})
        self.assertEqual(events[0]["counts"]["waiting"], 2)


if __name__ == "__main__":
    harness.main()
