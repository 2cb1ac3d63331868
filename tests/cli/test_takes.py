"""Candidates and drafts: clips to choose from, and the chosen one finished exactly."""
import json
import os
import signal
import struct
import subprocess

import harness
from harness import CANCELLED, INPUT, OK, OUTPUT, USAGE

SMALL = ["--width", "64", "--height", "48", "--frames", "3", "--steps", "4", "--device", "cpu"]
LONG = ["--width", "64", "--height", "64", "--frames", "2", "--steps", "40", "--device", "cpu"]


class Takes(harness.Case):
    def render(self, code, output, *more, **options):
        return self.expect(code, "render", self.photo(), "-o", output, "--model", self.model(), *SMALL, *more, **options)

    def finish(self, code, sidecar, output, *more, **options):
        return self.expect(code, "render", "--from", sidecar, "-o", output, "--model", self.model(), "--device", "cpu", "--json", *more,
                           **options)

    def bytes(self, name):
        return (self.folder / name).read_bytes()

    def work(self, result):
        """Operations by phase, as planned."""
        return {phase["name"]: phase["flops"] for phase in self.events(result)[0]["phases"]}

    def alone(self, seed, *more):
        """The clip of a render in one go."""
        self.render(OK, "alone.mp4", "--seed", str(seed), "--overwrite", *more)
        return self.bytes("alone.mp4")


class Candidates(Takes):
    def test_each_is_the_clip_of_its_seed(self):
        result = self.render(OK, "clip.mp4", "--candidates", "3", "--seed", "9", "--json")
        summary = self.events(result)[-1]
        names = ["clip-seed%d.mp4" % seed for seed in (9, 10, 11)]
        self.assertEqual([take["seed"] for take in summary["takes"]], ["9", "10", "11"])
        self.assertEqual([take["outputs"][0]["output"] for take in summary["takes"]], names)
        self.assertEqual([take["latents"] for take in summary["takes"]], [name + ".latents.safetensors" for name in names])
        self.assertEqual((summary["sheet"], summary["page"]), ("clip-candidates.png", "clip-candidates.html"))
        self.assertEqual(self.files(), sorted(["photo.png", "clip-candidates.png", "clip-candidates.html"] + [
            name + end for name in names for end in ("", ".json", ".latents.safetensors")]))
        for seed, name in zip((9, 10, 11), names):
            self.assertEqual(self.bytes(name), self.alone(seed))
        self.assertEqual(max(event.get("take", 0) for event in self.events(result)), 3)

    def test_the_model_is_loaded_once(self):
        """The vision tower does its work once for all; nothing else grows but by the number of clips."""
        one = self.work(self.render(OK, "one.mp4", "--json", "--dry-run"))
        three = self.work(self.render(OK, "three.mp4", "--json", "--dry-run", "--candidates", "3"))
        self.assertEqual(three, {"vision": one["vision"], "encoder": 3 * one["encoder"], "unet": 3 * one["unet"],
                                 "decoder": 3 * one["decoder"]})
        self.assertEqual(self.files(), ["photo.png"])

    def test_the_chosen_one_is_only_decoded(self):
        self.render(OK, "clip.mp4", "--candidates", "2")
        work = self.work(self.finish(OK, "clip-seed1.mp4.json", "chosen.mp4"))
        self.assertEqual({name for name, flops in work.items() if flops}, {"decoder"})
        self.assertEqual(self.bytes("chosen.mp4"), self.alone(1))

    def test_the_chosen_one_takes_another_finish(self):
        """What comes after the latents may be another: here the codec's quality and a crop."""
        self.render(OK, "clip.mp4", "--candidates", "2")
        work = self.work(self.finish(OK, "clip-seed1.mp4.json", "chosen.mp4", "--deliver", "1:1", "--crf", "30"))
        self.assertFalse(work["unet"])
        self.assertEqual(self.bytes("chosen.mp4"), self.alone(1, "--deliver", "1:1", "--crf", "30"))

    def test_sheet_and_page(self):
        name = "a&b <'c\".mp4"
        self.render(OK, name, "--candidates", "2")
        sheet = self.bytes("a&b <'c\"-candidates.png")
        self.assertEqual(struct.unpack(">4sII", sheet[12:24])[0], b"IHDR")
        # Three shots of 320x240 a clip, a line of text, gaps of 8.
        self.assertEqual(struct.unpack(">II", sheet[16:24]), (8 + 3 * 320 + 8, 8 + 2 * (28 + 240 + 8)))
        page = self.bytes("a&b <'c\"-candidates.html").decode()
        for seed in (0, 1):
            self.assertIn("<video controls loop muted preload=\"metadata\" src=\"./a%%26b%%20%%3C%%27c%%22-seed%d.mp4\"></video>" % seed, page)
            self.assertIn("--from 'a&amp;b &lt;'\\''c&quot;-seed%d.mp4.json'" % seed, page)
            self.assertIn("<h2>seed %d</h2>" % seed, page)
        summary = json.loads(self.bytes(name.replace(".mp4", "-seed1.mp4.json")))
        for finding in summary["quality"]["findings"]:
            self.assertIn(finding["text"], page)

    def test_every_candidate_in_every_format(self):
        self.render(OK, "clip.mp4", "--candidates", "2", "--deliver", "1:1,4:3")
        clips = [name for name in self.files() if name.endswith(".mp4")]
        self.assertEqual(clips, sorted("clip-seed%d-%s.mp4" % (seed, mark) for seed in (0, 1) for mark in ("1x1", "4x3")))
        self.finish(OK, "clip-seed1-4x3.mp4.json", "chosen.mp4")
        self.assertEqual(self.bytes("chosen.mp4"), self.bytes("clip-seed1-4x3.mp4"))

    def test_names_are_checked_before_the_render(self):
        for name in ("clip-seed1.mp4", "clip-seed0.mp4.json", "clip-seed1.mp4.latents.safetensors", "clip-candidates.png",
                     "clip-candidates.html"):
            with self.subTest(name=name):
                self.write(name, b"older")
                result = self.render(OUTPUT, "clip.mp4", "--candidates", "2", says=[name, "--overwrite"])
                self.assertNotIn(b"plan:", result.stderr)
                self.assertEqual(self.files(), sorted([name, "photo.png"]))
                os.unlink(self.folder / name)

    def test_what_does_not_go_together(self):
        for more, words in ((["--taps", "taps.safetensors"], "--taps"), (["--rerolls", "2"], "--rerolls"), (["--on-fail", "reroll"], "reroll")):
            self.render(USAGE, "clip.mp4", "--candidates", "2", *more, says=["--candidates", words])

    def test_an_interrupt_keeps_what_was_sampled(self):
        process = subprocess.Popen(
            [harness.PROGRAM, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *LONG, "--candidates", "3", "--json"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        for line in process.stdout:
            event = json.loads(line)
            if event.get("phase") == "unet" and event.get("take") == 2 and event["step"] > 1:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, CANCELLED)
        self.assertEqual(self.files(), ["clip-seed0.mp4.latents.safetensors", "photo.png"])


class Drafts(Takes):
    def test_a_draft_of_more_steps_than_there_are(self):
        self.render(USAGE, "draft.mp4", "--draft", "900", says=["a draft of 900 steps: the render has", "fewer steps"])

    def test_a_draft_goes_on_to_the_end(self):
        draft = self.work(self.render(OK, "draft.mp4", "--seed", "3", "--draft", "1", "--json"))
        rest = self.work(self.finish(OK, "draft.mp4.json", "whole.mp4"))
        whole = self.work(self.render(OK, "one.mp4", "--seed", "3", "--json"))
        self.assertEqual(self.bytes("whole.mp4"), self.alone(3))
        self.assertNotEqual(self.bytes("draft.mp4"), self.alone(3))
        self.assertLess(draft["unet"], whole["unet"] / 3)
        self.assertLess(rest["unet"], whole["unet"])
        self.assertEqual(self.files(), ["alone.mp4", "alone.mp4.json", "draft.mp4", "draft.mp4.json", "draft.mp4.latents.safetensors",
                                        "one.mp4", "one.mp4.json", "photo.png", "whole.mp4", "whole.mp4.json"])

    def test_drafts_of_candidates(self):
        """The usual way: drafts of several seeds, one of them a little further, then to the end."""
        self.render(OK, "clip.mp4", "--candidates", "2", "--draft", "1")
        self.finish(OK, "clip-seed1.mp4.json", "further.mp4", "--draft", "3")
        self.finish(OK, "further.mp4.json", "whole.mp4")
        self.assertEqual(self.bytes("whole.mp4"), self.alone(1))

    def test_on_every_device(self):
        for device in harness.devices():
            for name, more in (("draft.mp4", ["--draft", "1"]), ("alone.mp4", [])):
                self.render(OK, name, "--device", device, "--overwrite", "--width", "32", "--height", "16", "--frames", "2", "--steps", "2",
                            *more)
            self.expect(OK, "render", "--from", "draft.mp4.json", "-o", "whole.mp4", "--model", self.model(), "--device", device, "--overwrite")
            self.assertEqual(self.bytes("whole.mp4"), self.bytes("alone.mp4"), device)

    def test_another_option_begins_anew(self):
        self.render(OK, "draft.mp4", "--draft", "1")
        result = self.finish(OK, "draft.mp4.json", "whole.mp4", "--motion", "20", says="--motion is not as it was")
        self.assertTrue(self.work(result)["vision"])
        self.assertEqual(self.bytes("whole.mp4"), self.alone(0, "--motion", "20"))

    def test_latents_that_are_gone_are_made_anew(self):
        self.render(OK, "draft.mp4", "--draft", "1")
        os.unlink(self.folder / "draft.mp4.latents.safetensors")
        self.finish(OK, "draft.mp4.json", "whole.mp4", says="draft.mp4.latents.safetensors is gone")
        self.assertEqual(self.bytes("whole.mp4"), self.alone(0))

    def test_other_latents_are_refused(self):
        self.render(OK, "draft.mp4", "--draft", "1")
        content = bytearray(self.bytes("draft.mp4.latents.safetensors"))
        content[-3] ^= 1
        self.write("draft.mp4.latents.safetensors", bytes(content))
        self.finish(INPUT, "draft.mp4.json", "whole.mp4", says=["draft.mp4.latents.safetensors", "SHA-256"])
        sidecar = json.loads(self.bytes("draft.mp4.json"))
        sidecar["latents"]["name"] = "../draft.mp4.latents.safetensors"
        self.write("draft.mp4.json", json.dumps(sidecar).encode())
        self.finish(INPUT, "draft.mp4.json", "whole.mp4", says="latents")

    def test_no_more_steps_than_there_are(self):
        self.render(USAGE, "draft.mp4", "--draft", "5", says=["5", "4"])
        self.render(OK, "draft.mp4", "--draft", "3")
        self.finish(INPUT, "draft.mp4.json", "less.mp4", "--draft", "2", says=["3 steps", "1 to 2"])


if __name__ == "__main__":
    harness.main()
