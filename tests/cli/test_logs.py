"""The log of each job, and what reports show of jobs: every clip, what needs eyes, photos by the names that people know."""
import json
import os
import re
import shutil

import batching
import harness
import watching
from batching import SOME_FAILED
from harness import OK

# Whatever a line of a log begins with.
WORDS = {"==", "worker", "job", "before", "photo", "clip", "preset", "options", "device", "plan", "memory", "warning", "time", "quality",
         "eyes", "tried", "wrote", "outcome", "error", "name", "hint"}


class Logs(watching.Case):
    def log(self, number, journal="out/.packshot/journal.sqlite"):
        """The parts of a job's log, each as a list of (word, text)."""
        text = (self.folder / (journal + ".logs") / ("%d.log" % number)).read_text()
        self.assertTrue(text.startswith("== "))
        self.assertLessEqual({line.split()[0] for line in text.splitlines() if line}, WORDS)
        return [[tuple(line.split(None, 1)) for line in part.splitlines()] for part in text.split("\n\n") if part]

    def words(self, part, word):
        return [text for first, text in part if first == word]

    def test_what_became_of_each_job(self):
        self.rows(2)
        hostile = "p\n== forged\noutcome done.png"
        self.write(hostile, batching.photo(0)[:60])
        self.list('photo,seed,fps\np0.png,7,5\np1.png,,\n"%s",,\n' % hostile)
        result = self.batch(SOME_FAILED, "--json", "--memory", "1G")
        (good,), (bad,) = self.log(1), self.log(3)
        for word, words in (("photo", ["/p0.png"]), ("clip", ["/out/p0.mp4"]), ("plan", ["16x16, 1 frames at 5", "seed 7"]),
                            ("options", ["fps=5", "width=16", "seed=7"]), ("device", ["cpu"]), ("memory", ["of 1.0 GiB"]),
                            ("job", ["1, row 2, "]), ("quality", ["flicker", "motion"]), ("outcome", ["done"]),
                            ("time", ["load ", "vision ", "encoder ", "unet ", "decoder ", "encode ", "s in all"])):
            for some in words:
                self.assertIn(some, " ".join(self.words(good, word)), word)
        self.assertEqual([os.path.basename(path) for path in self.words(good, "wrote")], ["p0.mp4", "p0.mp4.json"])
        self.assertEqual((self.words(bad, "outcome"), self.words(bad, "name")), (["failed"], ["image.truncated"]))
        self.assertIn("\\x0a== forged\\x0aoutcome done.png", self.words(bad, "photo")[0])
        self.assertEqual(len(self.words(bad, "error")), 1)
        told = {event["job"]: event["log"] for event in self.events(result) if event["event"] in ("job_done", "job_failed")}
        self.assertEqual(sorted(told), [1, 2, 3])
        # The times of the phases add up to the job's.
        times = self.words(good, "time")[0]
        parts = [float(figure) for figure in re.findall(r"\w (\d+\.\d+)", times.split(";")[0])]
        self.assertLess(abs(sum(parts) - float(re.search(r"([\d.]+) s in all", times).group(1))), 0.2)
        # Each attempt is a part of its own.
        self.batch(SOME_FAILED, "--retry-failed", "--memory", "1G")
        self.assertEqual([self.words(part, "outcome") for part in self.log(3)], [["failed"], ["failed"]])
        self.assertEqual(len(self.log(1)), 1)
        # Reports lead there.
        report = self.report()
        self.assertEqual([(self.folder / job["log"]).read_text()[:3] for job in report["jobs"]], ["== "] * 3)
        self.expect(OK, "report", "out", "-o", "out/report.html")
        page = (self.folder / "out/report.html").read_text()
        self.assertEqual(re.findall(r'href="./([^"]*)">log', page), [".packshot/journal.sqlite.logs/%d.log" % n for n in (1, 2, 3)])

    def test_a_log_lies_beside_the_journal_and_stops_no_job(self):
        self.rows(1)
        self.batch(OK, "--journal", "state/j")
        self.assertEqual(sorted(os.listdir(self.folder / "out")), ["p0.mp4", "p0.mp4.json"])
        self.assertEqual(len(self.log(1, "state/j")), 1)
        shutil.rmtree(self.folder / "state/j.logs")
        self.write("state/j.logs", b"mine")
        result = self.batch(OK, "--journal", "state/j", "--force", "--json")
        self.assertEqual([event.get("log") for event in self.events(result) if event["event"] == "job_done"], [None])
        self.assertEqual((self.folder / "state/j.logs").read_bytes(), b"mine")
        self.assertEqual(self.events(self.expect(OK, "report", "state/j", "-o", "r.json", "--json"))[0]["counts"]["done"], 1)
        self.assertIsNone(json.loads((self.folder / "r.json").read_text())["jobs"][0]["log"])

    def test_a_warning_is_said_once_and_stands_in_each_log(self):
        model = shutil.copytree(self.model(), self.folder / "model")
        (model / "packshot.json").write_text('{"width": 256, "height": 192}')
        self.photos(3)
        self.list("photo,motion\np0.png,10\np1.png,20\np2.png,\n")
        words = "16x16 is far from 256x192"
        told = self.batch(OK, "--model", str(model)).stderr.decode()
        self.assertEqual(told.count(words), 1, told)
        for number in (1, 2, 3):
            self.assertEqual([words in line for line in self.words(self.log(number)[0], "warning")], [True])

    def test_reports_show_every_clip(self):
        self.rows(1)
        told = self.batch(OK, "--deliver", "1:1,4:3").stdout.decode().splitlines()
        self.assertEqual([line.split(": ")[0] for line in told], [str(self.folder / "out" / name) for name in ("p0-1x1.mp4", "p0-4x3.mp4")])
        self.assertEqual(self.report()["jobs"][0]["clips"], ["out/p0-1x1.mp4", "out/p0-4x3.mp4"])
        self.expect(OK, "report", "out", "-o", "out/report.html")
        page = (self.folder / "out/report.html").read_text()
        shown = re.findall(r'<video [^>]*src="([^"]*)"', page)
        self.assertEqual(shown, ["./p0-1x1.mp4", "./p0-4x3.mp4"])
        for name in shown:
            self.assertTrue((self.folder / "out" / name).is_file())

    def test_reports_show_what_needs_eyes(self):
        shutil.copy(harness.PIPELINES / "long" / "photo.png", self.folder / "p.png")
        self.list("photo,seed\n" + "".join("p.png,%d\n" % seed for seed in range(4)))
        result = self.batch(OK, "--json", "--name", "{name}{seed}.mp4", "--model", self.model("long"), "--frames", "6", "--width", "64",
                            "--height", "48", "--steps", "2")
        found = {event["row"]: [finding["text"] for finding in event["quality"]["findings"]]
                 for event in self.events(result) if event["event"] == "job_done"}
        self.assertTrue(any(found.values()), "clips of noise have no findings")
        self.assertEqual({job["row"]: job["result"]["findings"] for job in self.report()["jobs"]}, found)
        for number, row in enumerate(sorted(found)):
            self.assertEqual(self.words(self.log(number + 1)[0], "eyes"), found[row])
        for name in ("report.csv", "report.html"):
            self.expect(OK, "report", "out", "-o", name)
            text = (self.folder / name).read_text().replace("&#39;", "'")
            for findings in found.values():
                for finding in findings:
                    self.assertIn(finding, text)

    def test_a_watched_photo_is_called_by_its_place(self):
        """Not by the place where the watcher that had it kept it."""
        self.put("client/a.png", 1)
        self.write("in/bad.png", b"\x89PNG\r\n\x1a\nbut no more")
        result = self.once(SOME_FAILED, "--give-up", "1", "--quiet-time", "1.1")
        photos = [str(self.folder / "in" / name) for name in ("bad.png", "client/a.png")]
        self.assertEqual(sorted({event["photo"] for event in self.events(result) if event["event"].startswith("job_")}), photos)
        self.assertEqual(sorted(job["photo"] for job in self.report()["jobs"]), photos)
        self.expect(OK, "report", "out", "-o", "report.csv")
        self.assertNotIn(".packshot/work", (self.folder / "report.csv").read_text())
        for part in self.log(1) + self.log(2):
            self.assertIn(self.words(part, "photo")[0], photos)


if __name__ == "__main__":
    harness.main()
