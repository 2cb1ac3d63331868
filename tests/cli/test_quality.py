"""The quality gate: what a render says of its clip, and what it does about it."""
import json
import shutil

import harness
from harness import OK, USAGE

SMALL = ["--width", "64", "--height", "48", "--frames", "6", "--steps", "2", "--device", "cpu"]


class Quality(harness.Case):
    def render(self, model, output, *more):
        photo = str(harness.PIPELINES / "long" / "photo.png")
        result = self.expect(OK, "render", photo, "-o", output, "--model", model, *SMALL, "--json", *more)
        return self.events(result)[-1], result.stderr.decode()

    def test_findings_are_told_with_their_figures(self):
        found = set()
        for name in ("mini", "still", "long"):
            summary, told = self.render(self.model(name), name + ".mp4")
            quality = summary["quality"]
            self.assertEqual(quality["needs_eyes"], bool(quality["findings"]))
            self.assertEqual(told.count("needs eyes: "), len(quality["findings"]))
            for finding in quality["findings"]:
                self.assertGreater(finding["figure"], finding["limit"])
                self.assertIn("needs eyes: " + finding["text"], told)
                found.add(finding["id"])
            self.assertEqual(summary["tried"], [{"seed": "0", "findings": [finding["id"] for finding in quality["findings"]]}])
        self.assertTrue(found, "clips of noise have no findings")

    def findings(self, seed):
        summary, _ = self.render(self.model("long"), "%d.mp4" % seed, "--seed", str(seed))
        return [finding["id"] for finding in summary["quality"]["findings"]]

    def test_the_next_seed_is_tried(self):
        """As long as there are findings and seeds; the clip is that of the best seed, as if it had been asked for."""
        known = {seed: self.findings(seed) for seed in range(6)}
        first = next(seed for seed, findings in known.items() if findings)
        for rerolls in (1, 5 - first):
            summary, told = self.render(self.model("long"), "clip.mp4", "--seed", str(first), "--on-fail", "reroll", "--rerolls",
                                        str(rerolls), "--overwrite")
            expected = []
            for seed in range(first, first + rerolls + 1):
                expected.append({"seed": str(seed), "findings": known[seed]})
                if not known[seed]:
                    break
            self.assertEqual(summary["tried"], expected)
            self.assertEqual("no seed of" in told, bool(expected[-1]["findings"]))
            best = min(expected, key=lambda attempt: len(attempt["findings"]))
            self.assertEqual([finding["id"] for finding in summary["quality"]["findings"]], best["findings"])
            self.assertEqual((self.folder / "clip.mp4").read_bytes(), (self.folder / (best["seed"] + ".mp4")).read_bytes())
            sidecar = json.loads((self.folder / "clip.mp4.json").read_text())
            self.assertEqual(set(sidecar["quality"]), set(summary["quality"]))
            self.assertEqual([finding["text"] for finding in sidecar["quality"]["findings"]],
                             [finding["text"] for finding in summary["quality"]["findings"]])
            self.assertNotIn("on-fail", sidecar["options"])

    def test_a_repeated_render_does_not_look_for_another_seed(self):
        """Whatever the first one found; the model gives no numbers at any seed."""
        photo, model = str(harness.PIPELINES / "long" / "photo.png"), self.broken()
        self.expect(OK, "render", photo, "-o", "clip.mp4", "--model", model, *SMALL, "--on-fail", "reroll", "--rerolls", "1")
        result = self.expect(OK, "render", photo, "--from", "clip.mp4.json", "-o", "again.mp4", "--model", model, "--device", "cpu", "--json")
        self.assertEqual(len(self.events(result)[-1]["tried"]), 1)
        self.assertEqual((self.folder / "clip.mp4").read_bytes(), (self.folder / "again.mp4").read_bytes())

    def broken(self):
        """A model whose decoder leaves the range of numbers."""
        model = self.folder / "model"
        shutil.copytree(harness.PIPELINES / "mini", model)
        path = model / "vae" / "diffusion_pytorch_model.safetensors"
        tensors = {name: (shape, list(values)) for name, (shape, values) in harness.read_safetensors(path).items()}
        tensors["decoder.conv_out.bias"] = (tensors["decoder.conv_out.bias"][0], [3e38] * 3)
        tensors["decoder.time_conv_out.weight"] = (tensors["decoder.time_conv_out.weight"][0],
                                                   [9.0] * len(tensors["decoder.time_conv_out.weight"][1]))
        harness.write_safetensors(path, tensors)
        return str(model)

    def test_what_is_no_number_is_told_at_every_seed(self):
        photo = str(harness.PIPELINES / "long" / "photo.png")
        result = self.expect(OK, "render", photo, "-o", "clip.mp4", "--model", self.broken(), *SMALL, "--json", "--dtype", "f32", "--on-fail",
                             "reroll", "--rerolls", "2")
        events, told = self.events(result), result.stderr.decode()
        self.assertEqual([event["event"] for event in events if event["event"] != "progress"], ["plan", "summary"])
        summary = events[-1]
        self.assertEqual([attempt["seed"] for attempt in summary["tried"]], ["0", "1", "2"])
        self.assertIn("keeping that of seed 0", told)
        self.assertEqual(summary["quality"]["not_finite"], 64 * 48 * 6 * 3)
        self.assertIn("quality.not-finite", [finding["id"] for finding in summary["quality"]["findings"]])
        self.assertIn("%d values" % (64 * 48 * 6 * 3), told)

    def test_taps_are_of_one_seed(self):
        self.expect(USAGE, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *SMALL, "--on-fail", "reroll", "--taps",
                    "taps.safetensors", says="--on-fail reroll")


if __name__ == "__main__":
    harness.main()
