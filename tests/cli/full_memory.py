"""What --memory promises, kept at SVD-XT's own architecture with the formula weights of tests/golden/full.

At 1024x576 and 25 frames a plan of 8 GiB and one of 6 GiB are made; a clip of 128x128 and 3 frames is rendered in the same
shares of what it takes without a bound. At that size the UNet's weights are the most, not the decoder's activations as at
1024x576, so these stream its weights; in the least that there is a plan for the other phases give way too.
"""
import math
import os
import pathlib
import re
import time
import unittest

import harness
from harness import MEMORY, OK

MODEL = str(pathlib.Path(os.environ["GOLDEN"]) / "full")
GIB = 1 << 30
WHOLE = ["--width", "1024", "--height", "576", "--frames", "25"]
SMALL = ["--width", "128", "--height", "128", "--frames", "3", "--steps", "1"]
UNBOUNDED = 64 * GIB
DEVICES = [name for name in harness.devices() if name != "ref"]
TYPES = {"cpu": "bf16"}  # of 16 bits on either; a Vulkan device takes f16


def megabytes(count):
    return "%.1f MiB" % (count / (1 << 20))


def phase_bytes(phase):
    return phase["weights_bytes"] + phase["scratch_bytes"] + phase["staging_bytes"]


class Memory(harness.Case):
    def arguments(self, device, budget):
        return ["--model", MODEL, "--device", device, "--dtype", TYPES.get(device, "f16"), "--memory", str(budget), "--json"]

    def plan(self, device, budget, size):
        return self.events(self.expect(OK, "render", self.photo(), "--dry-run", *self.arguments(device, budget), *size))[0]

    def least(self, device, size):
        """Each refusal names the phase that failed first, so asking again with what it wants ends at the least for all."""
        budget = 1 << 20
        while True:
            result = self.packshot("render", self.photo(), "--dry-run", *self.arguments(device, budget), *size)
            if result.returncode == OK:
                return budget
            self.assertEqual(result.returncode, MEMORY, result.stderr)
            wanted = int(re.search(r"--memory (\d+)M", result.stderr.decode()).group(1)) << 20
            self.assertGreater(wanted, budget)
            budget = wanted

    def tell(self, device, plan, seconds=None, measured=None):
        text = "; ".join("%s %s%s" % (phase["name"], megabytes(phase_bytes(phase)), " streamed" if phase["streamed"] else "")
                         for phase in plan["phases"])
        print("device %s, %dx%d, %d frames, budget %s: planned %s%s (%s)%s" % (
            device, plan["params"]["width"], plan["params"]["height"], plan["params"]["frames"], megabytes(plan["budget_bytes"]),
            megabytes(plan["peak_bytes"]), "" if measured is None else ", measured " + megabytes(measured), text,
            "" if seconds is None else ", %.0f s" % seconds), flush=True)

    def shares(self, device):
        """Of what SVD-XT takes at its own size, those that 8 and 6 GiB are; their plans have to fit."""
        free = self.plan(device, UNBOUNDED, WHOLE)
        self.tell(device, free)
        for budget in (8 * GIB, 6 * GIB):
            plan = self.plan(device, budget, WHOLE)
            self.tell(device, plan)
            self.assertLessEqual(plan["peak_bytes"], budget)
            self.assertEqual(plan["peak_bytes"], max(map(phase_bytes, plan["phases"])))
            yield budget / free["peak_bytes"]

    def render(self, device, budget):
        """Plan, bytes of clip and taps."""
        begin = time.monotonic()
        result = self.expect(OK, "render", self.photo(), "-o", "clip.mp4", "--taps", "taps.safetensors", "--overwrite",
                             "--reproducible", *self.arguments(device, budget), *SMALL, timeout=3600)
        events = self.events(result)
        plan, measured = events[0], events[-1]["peak_bytes"]
        self.tell(device, plan, time.monotonic() - begin, measured)
        self.assertEqual(measured, plan["peak_bytes"], "planned and measured")
        self.assertLessEqual(measured, budget)
        return plan, [(self.folder / name).read_bytes() for name in ("clip.mp4", "taps.safetensors")]

    def must_be_a_picture(self):
        """Frames of NaN, or of one grey, would be the same bits whatever went wrong."""
        for name, (_, values) in harness.read_safetensors(self.folder / "taps.safetensors").items():
            mean = math.fsum(values) / len(values)
            deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
            self.assertTrue(1e-3 < deviation < 1e4, "%s deviates by %f" % (name, deviation))

    def test_eight_and_six(self):
        self.assertTrue(DEVICES)
        for device in DEVICES:
            shares = list(self.shares(device))
            free, expected = self.render(device, UNBOUNDED)
            self.must_be_a_picture()
            budgets = [int(share * free["peak_bytes"]) for share in shares] + [self.least(device, SMALL)]
            peaks = [free["peak_bytes"]]
            for budget in budgets:
                plan, found = self.render(device, budget)
                self.assertTrue(found == expected, "device %s, %s: other bits than unbounded" % (device, megabytes(budget)))
                self.assertTrue(any(phase["streamed"] for phase in plan["phases"]), "every one of these budgets streams")
                peaks.append(plan["peak_bytes"])
            self.assertEqual(peaks, sorted(set(peaks), reverse=True), "each budget a smaller plan")


if __name__ == "__main__":
    harness.main()
