"""packshot bench: what it measures on toy pipelines, and what it refuses."""
import pathlib
import re
import signal
import subprocess
import unittest

import harness
from harness import CANCELLED, CHECKPOINT, MEMORY, OK, USAGE

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEVICES = harness.devices()
VULKAN = harness.vulkan_device()
SIZE = ["--width", "40", "--height", "24", "--frames", "3"]
TOY = [*SIZE, "--rounds", "2"]


class Bench(harness.Case):
    def measure(self, *arguments, **options):
        """The events of kind "bench"; there may be progress between."""
        result = self.expect(OK, "bench", "--json", *arguments, **options)
        return [event for event in self.events(result) if event["event"] == "bench"]

    def test_every_device(self):
        """The figures agree with each other, and the work is the same everywhere."""
        work = set()
        for device in DEVICES:
            with self.subTest(device=device):
                (told,) = self.measure("--model", self.model(), *TOY, "--device", device)
                self.assertEqual((told["device"], told["part"], told["rounds"], told["frames"], told["width"]), (device, "unet", 2, 3, 40))
                self.assertEqual(told["threads"] > 0, device == "cpu")
                self.assertLessEqual(told["seconds_least"], told["seconds"])
                self.assertLessEqual(told["seconds"], told["seconds_most"])
                self.assertGreater(told["seconds_least"], 0)
                self.assertAlmostEqual(told["flops_per_second"] * told["seconds"] / told["flops"], 1, 6)
                self.assertEqual(told["planned_bytes"], told["weights_bytes"] + told["scratch_bytes"] + told["staging_bytes"])
                self.assertEqual(told["planned_bytes"], told["peak_bytes"], "planned and measured")
                self.assertGreater(told["resident_bytes"], 0)
                self.assertFalse(told["streamed"])
                if device == "ref":
                    self.assertIsNone(told["ceiling_fraction"])
                else:
                    fraction = told["flops_per_second"] / told["ceiling_flops_per_second"]
                    self.assertAlmostEqual(told["ceiling_fraction"] / fraction, 1, 6)
                    self.assertGreater(told["copy_bytes_per_second"], 1e8)
                rows = told["rows"]
                self.assertEqual(sum(row["flops"] for row in rows), told["flops"])
                self.assertLessEqual(sum(row["seconds"] for row in rows), told["table_seconds"] * 1.001)
                if not device.isdigit():
                    self.assertTrue(told["seconds_least"] <= told["table_seconds"] <= told["seconds_most"], told)
                self.assertEqual([row["seconds"] for row in rows], sorted((row["seconds"] for row in rows), reverse=True))
                self.assertTrue(all(re.match("unet|uploads", row["what"]) for row in rows), rows)
                work.add(told["flops"])
        self.assertEqual(len(work), 1, work)

    def test_launches_that_need_not_be_made(self):
        """Positions are read by the layer norm and the product behind it, skips by the norms beside x: what is blended are the
        time embedding and, once for two attentions, the temporal layer's share."""
        (told,) = self.measure("--model", self.model(), *TOY, "--device", "cpu", "--table", "kernel")
        launches = {row["what"]: row["launches"] for row in told["rows"]}
        self.assertEqual(launches["blend"], 1 + launches["attention"] // 2, launches)
        self.assertFalse({"concat", "resize"} & set(launches), launches)

    def test_work_is_that_of_a_render(self):
        """A render of one step without guidance is one forward, and the few operations of the sampler."""
        result = self.expect(OK, "render", self.photo(), "--dry-run", "--json", "--model", self.model(), *SIZE, "--steps", "1",
                             "--guidance", "1:1", "--device", "cpu")
        planned = {phase["name"]: phase["flops"] for phase in self.events(result)[0]["phases"]}
        for part in ("unet", "decoder", "encoder", "vision"):
            (told,) = self.measure("--model", self.model(), *SIZE, "--rounds", "1", "--device", "cpu", "--part", part)
            self.assertAlmostEqual(told["flops"] / planned[part], 1, 2, part)
            self.assertTrue(all(re.match(part + "|uploads", row["what"]) for row in told["rows"]), told["rows"])

    def test_tables(self):
        kernels = set(re.findall(r'PS_KERNEL\((\w+),', (ROOT / "pipeline" / "run" / "kernels.def").read_text())) | {"uploads"}
        (by_kernel,) = self.measure("--model", self.model(), *TOY, "--device", "cpu", "--table", "kernel")
        self.assertLessEqual({row["what"] for row in by_kernel["rows"]}, kernels)
        (by_shape,) = self.measure("--model", self.model(), *TOY, "--device", "cpu", "--table", "shape")
        self.assertGreater(len(by_shape["rows"]), len(by_kernel["rows"]))
        for told in by_kernel, by_shape:
            counts = {}
            for row in told["rows"]:
                name = row["what"].split()[0]
                counts[name] = counts.get(name, 0) + row["launches"]
            self.assertEqual(counts, {row["what"]: row["launches"] for row in by_kernel["rows"]})

    def test_without_a_device_named(self):
        """Neither the reference interpreter nor software Vulkan is a device to be rendered on."""
        software = {told["selector"] for told in self.events(self.expect(OK, "devices", "--json"))
                    if told["software"] and told["selector"] != "cpu" or not told["usable"]}
        names = [told["device"] for told in self.measure("--model", self.model(), *TOY)]
        self.assertEqual(names, [name for name in DEVICES if name not in software])

    def test_several_devices(self):
        names = [told["device"] for told in self.measure("--model", self.model(), *TOY, "--device", "cpu,ref", "--dtype", "f32")]
        self.assertEqual(names, ["cpu", "ref"])

    def test_threads(self):
        (told,) = self.measure("--model", self.model(), *TOY, "--device", "cpu", "--threads", "1")
        self.assertEqual(told["threads"], 1)

    def test_random_weights(self):
        """Of SVD-XT's encoder and decoder, the smallest parts."""
        for part, frames in (("encoder", "1"), ("decoder", "2")):
            (told,) = self.measure("--part", part, "--width", "16", "--height", "16", "--frames", frames, "--rounds", "1", "--device", "cpu")
            self.assertIsNone(told["model"])
            self.assertGreater(told["weights_bytes"], 60e6)
            self.assertEqual(told["planned_bytes"], told["peak_bytes"])
            self.assertGreaterEqual(told["resident_bytes"], told["planned_bytes"])

    def test_random_weights_have_to_fit(self):
        result = self.expect(MEMORY, "bench", "--device", "cpu", "--memory", "700M", "--dtype", "bf16",
                             says=["random weights", "--memory", "--model", "budget is 700 MiB"])
        needed = float(re.search(r"takes (\d+) MiB", result.stderr.decode()).group(1))
        self.assertTrue(2900 < needed < 3300, needed)

    def test_a_checkpoint_is_streamed(self):
        """In the memory that the refusal asks for."""
        arguments = ["--model", self.model("odd"), "--width", "72", "--height", "40", "--frames", "5", "--rounds", "1", "--device", "cpu"]
        refused = self.expect(MEMORY, "bench", *arguments, "--memory", "300K", says="streamed weights")
        least = re.search(r"--memory (\d+M)", refused.stderr.decode()).group(1)
        (told,) = self.measure(*arguments, "--memory", least)
        self.assertTrue(told["streamed"])
        self.assertLessEqual(told["peak_bytes"], int(least[:-1]) << 20)
        self.assertEqual(told["planned_bytes"], told["peak_bytes"])
        self.assertGreater({row["what"]: row for row in told["rows"]}["uploads"]["bytes"], 0)

    def test_for_people(self):
        result = self.expect(OK, "bench", "--model", self.model(), *TOY, "--device", "cpu", "--quiet")
        self.assertEqual(result.stderr, b"")
        text = result.stdout.decode()
        for words in ("cpu: processor", "40x24, 3 frames", "one forward", "TFLOP/s", "in registers", "GB/s", "planned", "allocated",
                      "at its peak", "unet/transformer/space/attention"):
            self.assertIn(words, text)

    def test_refusals(self):
        for arguments, code, words in [
            (["--part", "clip"], USAGE, "unet, decoder, encoder or vision"),
            (["--table", "op"], USAGE, "scope, kernel or shape"),
            (["--rounds", "0"], USAGE, "1 to 100"),
            (["--width", "20"], USAGE, "multiple of 8"),
            (["--device", "cpu,,ref"], USAGE, "with commas between"),
            (["--device", ","], USAGE, "with commas between"),
            (["--device", "ref,"], USAGE, "with commas between"),
            (["--model", "nothing", "--device", "cpu"], CHECKPOINT, "nothing"),
            (["photo.png"], USAGE, "photo.png"),
        ]:
            with self.subTest(arguments=arguments):
                self.expect(code, "bench", *arguments, says=words)

    @unittest.skipUnless(VULKAN, "no Vulkan device")
    def test_types_on_vulkan(self):
        """bf16 takes the memory of f16."""
        planned = {}
        for dtype in ("f32", "f16", "bf16"):
            (told,) = self.measure("--model", self.model(), *TOY, "--device", VULKAN, "--dtype", dtype)
            self.assertEqual(told["dtype"], dtype)
            self.assertEqual(told["planned_bytes"], told["peak_bytes"])
            planned[dtype] = told["planned_bytes"]
        self.assertEqual(planned["bf16"], planned["f16"])
        self.assertLess(planned["f16"], planned["f32"])

    def test_ctrl_c(self):
        process = subprocess.Popen([harness.PROGRAM, "bench", "--json", "--model", self.model(), *SIZE, "--rounds", "100", "--device", "ref"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn(b"progress", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        self.assertEqual(process.returncode, CANCELLED, told)


if __name__ == "__main__":
    harness.main()
