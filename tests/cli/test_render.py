"""Whole renders of toy pipelines: what the clip is, and what must not change a bit of it."""
import json
import re
import shutil
import struct
import subprocess
import unittest

import harness
from harness import MEMORY, OK

DEVICES = harness.devices()
VULKAN = harness.vulkan_device()


def boxes(content):
    """Names of an MP4's top-level boxes, in order."""
    names, at = [], 0
    while at + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        names.append(name.decode())
        at += size if size >= 8 else len(content)
    return names


class Clip(harness.Case):
    def render(self, device, name, output, *more, **changes):
        return self.expect(OK, "render", str(harness.PIPELINES / name / "photo.png"), "-o", output, "--model", self.model(name), "--device",
                           device, *harness.arguments_of(name, **changes), "--json", *more)

    def probe(self, name):
        probe = shutil.which("ffprobe")
        if not probe:
            self.skipTest("no ffprobe")
        told = subprocess.run([probe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", self.folder / name],
                              capture_output=True, check=True, stdin=subprocess.DEVNULL)
        self.assertEqual(told.stderr, b"")
        (stream,) = json.loads(told.stdout)["streams"]
        return stream

    def test_what_players_see(self):
        for device in DEVICES:
            for name, changes in (("mini", {}), ("still", {"fps": "30"})):
                with self.subTest(device=device, name=name):
                    call = harness.run_of(name)
                    self.render(device, name, "clip.mp4", "--overwrite", **changes)
                    stream = self.probe("clip.mp4")
                    told = {key: stream.get(key) for key in ("codec_name", "pix_fmt", "color_space", "color_transfer", "color_primaries",
                                                             "color_range", "width", "height", "r_frame_rate", "avg_frame_rate", "nb_read_frames")}
                    rate = "%s/1" % changes.get("fps", call["fps"])
                    self.assertEqual(told, {
                        "codec_name": "h264", "pix_fmt": "yuv420p", "color_space": "bt709", "color_transfer": "bt709",
                        "color_primaries": "bt709", "color_range": "tv", "width": call["width"], "height": call["height"],
                        "r_frame_rate": rate, "avg_frame_rate": rate, "nb_read_frames": str(call["frames"])})
                    order = boxes((self.folder / "clip.mp4").read_bytes())
                    self.assertLess(order.index("moov"), order.index("mdat"))

    def test_frames_are_those_of_the_taps(self):
        """In luma, for toy weights paint noise whose colours do not survive yuv420p; 40 dB is loss at crf 1."""
        ffmpeg = shutil.which("ffmpeg")
        if not ffmpeg:
            self.skipTest("no ffmpeg")
        self.render("ref", "mini", "clip.mp4", "--taps", "taps.safetensors", "--crf", "1")
        raw = subprocess.run([ffmpeg, "-v", "error", "-i", self.folder / "clip.mp4", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"],
                             capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
        (frames, _, height, width), values = harness.read_safetensors(self.folder / "taps.safetensors")["decoder.frames"]
        area = height * width
        self.assertEqual(len(raw), frames * area * 3 // 2)
        error = 0.0
        for f in range(frames):
            for i in range(area):
                r, g, b = (min(max(values[(f * 3 + c) * area + i] / 2 + 0.5, 0), 1) for c in range(3))
                luma = 16 + 219 * (0.2126 * r + 0.7152 * g + 0.0722 * b)
                error += (luma - raw[f * area * 3 // 2 + i]) ** 2
        self.assertLess(error / (frames * area), 255**2 / 10**4.0)

    def test_same_seed_same_clip(self):
        for device in DEVICES:
            clips = []
            for seed in (3, 3, 4):
                self.render(device, "mini", "clip.mp4", "--overwrite", seed=seed, rng="philox")
                clips.append((self.folder / "clip.mp4").read_bytes())
            self.assertEqual(clips[0], clips[1])
            self.assertNotEqual(clips[0], clips[2])

    def test_both_layouts_give_the_same_clip(self):
        """On every device; a single file has no config, and sgm's sizes follow SVD's own rules."""
        for device in DEVICES:
            results = []
            for model in (self.model("sgm"), self.model("sgm/single.safetensors")):
                photo = str(harness.PIPELINES / "sgm" / "photo.png")
                self.expect(OK, "render", photo, "-o", "clip.mp4", "--taps", "taps.safetensors", "--overwrite", "--model", model,
                            "--no-provenance", "--device", device, *harness.arguments_of("sgm"))
                results.append([(self.folder / name).read_bytes() for name in ("clip.mp4", "taps.safetensors")])
            self.assertTrue(results[0] == results[1], device)

    def test_no_validation_message(self):
        if not VULKAN:
            self.skipTest("no Vulkan device")
        probe = self.packshot("render", str(harness.PIPELINES / "mini" / "photo.png"), "--dry-run", "--model", self.model(), "--validate",
                              "--device", VULKAN, *harness.arguments_of("mini"))
        if probe.returncode == harness.DEVICE:
            self.skipTest("no validation layer")
        self.render(VULKAN, "mini", "clip.mp4", "--validate")


class Memory(harness.Case):
    """The promise of --memory."""

    NAME = "odd"

    def plan(self, device, budget):
        """The plan's event, or the budget that the refusal asks for."""
        photo = str(harness.PIPELINES / self.NAME / "photo.png")
        result = self.packshot("render", photo, "--dry-run", "--model", self.model(self.NAME), "--device", device, "--memory", str(budget),
                               "--json", *harness.arguments_of(self.NAME))
        if result.returncode == OK:
            return self.events(result)[0], None
        self.assertEqual(result.returncode, MEMORY, result.stderr)
        return None, int(re.search(r"--memory (\d+)M", result.stderr.decode()).group(1)) << 20

    def least(self, device):
        budget = 1 << 20
        while True:
            plan, wanted = self.plan(device, budget)
            if plan:
                return budget
            self.assertGreater(wanted, budget)
            budget = wanted

    def test_three_budgets_one_clip(self):
        photo = str(harness.PIPELINES / self.NAME / "photo.png")
        for device in DEVICES:
            least = self.least(device)
            free, _ = self.plan(device, 4 << 30)
            self.assertLess(least, free["peak_bytes"])
            clips, peaks = [], []
            for budget in (4 << 30, (least + free["peak_bytes"]) // 2, least):
                result = self.expect(OK, "render", photo, "-o", "clip.mp4", "--taps", "taps.safetensors", "--overwrite", "--model",
                                     self.model(self.NAME), "--device", device, "--memory", str(budget), "--json",
                                     *harness.arguments_of(self.NAME))
                plan, summary = self.events(result)[0], self.events(result)[-1]
                self.assertEqual(plan["budget_bytes"], budget)
                self.assertLessEqual(summary["peak_bytes"], budget)
                self.assertEqual(summary["peak_bytes"], plan["peak_bytes"], "planned and measured, device %s" % device)
                peaks.append(summary["peak_bytes"])
                clips.append([(self.folder / name).read_bytes() for name in ("clip.mp4", "taps.safetensors")])
            self.assertTrue(clips[0] == clips[1] == clips[2], "device %s" % device)
            self.assertEqual(len(set(peaks)), 3, peaks)


class Weights(harness.Case):
    """--weights q8: another clip, nearly the same, in half the memory for weights and as sure of its bits."""

    NAME = "sgm"

    def render(self, device, output, *more):
        photo = str(harness.PIPELINES / self.NAME / "photo.png")
        result = self.expect(OK, "render", photo, "-o", output, "--taps", output + ".taps", "--model", self.model(self.NAME), "--device", device,
                             "--json", "--reproducible", *harness.arguments_of(self.NAME), *more)
        return self.events(result), harness.read_safetensors(self.folder / (output + ".taps"))

    def test_whole_numbers(self):
        for device in DEVICES:
            full, exact = self.render(device, f"full-{device}.mp4")
            half, near = self.render(device, f"half-{device}.mp4", "--weights", "q8")
            self.assertEqual((full[0]["params"]["weights"], half[0]["params"]["weights"]), ("full", "q8"))
            before, after = ({phase["name"]: phase for phase in events[0]["phases"]} for events in (full, half))
            for name, share in (("unet", 0.6), ("vision", 1), ("encoder", 1), ("decoder", 1)):
                self.assertLessEqual(after[name]["weights_bytes"], share * before[name]["weights_bytes"], name)
            self.assertEqual(after["decoder"], before["decoder"])
            self.assertEqual(half[-1]["peak_bytes"], half[0]["peak_bytes"])
            name = "latents.1"
            off = harness.distance(near[name][1], exact[name][1])
            print(f"{device}: {name} with q8 is {off:.4f} of its norm away")
            self.assertTrue(1e-4 < off < 0.1, off)
            told = json.loads((self.folder / f"half-{device}.mp4.json").read_text())
            self.assertEqual(told["parameters"]["weights"], "q8")
            self.expect(OK, "render", "--from", f"half-{device}.mp4.json", str(harness.PIPELINES / self.NAME / "photo.png"), "--model",
                        self.model(self.NAME), "--device", device, "-o", "again.mp4", "--overwrite", "--reproducible")
            self.assertEqual((self.folder / "again.mp4").read_bytes(), (self.folder / f"half-{device}.mp4").read_bytes())
            _, streamed = self.render(device, "streamed.mp4", "--weights", "q8", "--overwrite", "--memory",
                                      str(half[0]["peak_bytes"] * 3 // 4))
            self.assertEqual(streamed[name][1], near[name][1])


if __name__ == "__main__":
    harness.main()
