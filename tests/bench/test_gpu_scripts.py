"""The scripts for a machine with a GPU run right through here, at toy sizes, and judge every goal.

BUILD is the build folder, DEVICE the Vulkan device (the first where unset). Skipped where torch or diffusers is missing.
"""
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["BUILD"])
DEVICE = os.environ.get("DEVICE", "0")
NEEDED = ("torch", "diffusers", "transformers", "PIL")


def run(script, *arguments):
    return subprocess.run([sys.executable, HERE / script, *map(str, arguments)], capture_output=True, text=True, timeout=1800,
                          stdin=subprocess.DEVNULL)


class Scripts(unittest.TestCase):
    def expect(self, script, *arguments):
        result = run(script, *arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def test_clip(self):
        told = self.expect("gpu_clip.py", BUILD, "--model", BUILD / "golden" / "pipelines" / "mini", "--width", 40, "--height", 24,
                           "--frames", 3, "--steps", 2, "--dtype", "f32", "--device", DEVICE, "--torch-device", "cpu", "--rounds", 2,
                           "--turns", 1, "--backend", "eager")
        found = {}
        for what, way, seconds in re.findall(r"^(\w+) +(\S.*?) +([\d.]+) s  from", told, re.M):
            found[what, way] = float(seconds)
            self.assertGreater(float(seconds), 0)
        self.assertEqual(set(found), {
            ("unet", "PyTorch"), ("unet", "PyTorch compiled"), ("unet", "packshot"), ("unet", "packshot, device's clock"),
            ("decoder", "PyTorch"), ("decoder", "packshot"), ("decoder", "packshot, device's clock"),
            ("clip", "PyTorch"), ("clip", "PyTorch compiled"), ("clip", "packshot")}, told)
        times = found["unet", "PyTorch compiled"] / found["unet", "packshot"]
        self.assertIn("torch.compile: %s," % ("met" if times >= 1 else "not met"), told)
        self.assertIn("below 15 s: %s," % ("met" if found["clip", "packshot"] < 15 else "not met"), told)
        for phase in ("vision", "encoder", "unet", "decoder"):
            self.assertRegex(told, r"phases:.* %s [\d.]+ s" % phase)

    def test_rates(self):
        told = self.expect("gpu_rates.py", BUILD / "tests" / "bench" / "bench_kernels", "--device", DEVICE, "--divide", 72, "--frames", 1,
                           "--rounds", 1, "--large", 0, "--variants", "portable", "--case", "K 320", "--torch-device", "cpu")
        self.assertRegex(told, r"multiply-adds without loads: f32 [\d.]+ TFLOP/s")
        rows = re.findall(r"^portable +linear_portable .*? (\d+)%$", told, re.M)
        self.assertGreater(len(rows), 1, told)
        least = float(re.search(r"^goal: f16, portable .*? 50%: (?:not )?met, median [\d.]+%, least ([\d.]+)%", told, re.M).group(1))
        self.assertAlmostEqual(least, min(map(int, rows)), delta=0.51)
        self.assertIn("not met" if least < 50 else ": met", told.splitlines()[-1])
        self.assertRegex(told, r"goal: f16, matrix units .* not measured")

    def test_rates_of_a_run_that_fails(self):
        """The others are told all the same, and the exit status says so; what the device cannot run is no failure."""
        with tempfile.TemporaryDirectory() as folder:
            bench = pathlib.Path(folder) / "bench"
            bench.write_text("""#!/bin/sh
case "$*" in
    *--ceilings*) printf 'f32\\t1000\\n' ;;
    *"--variant coop2 "*) echo "it cannot" >&2; exit 77 ;;
    *"--variant coop "*) echo "it was lost" >&2; exit 1 ;;
    *) printf 'toy\\tf16\\t8\\t8\\t8\\tlinear_portable\\t1.0\\n' ;;
esac
""")
            bench.chmod(0o755)
            for variants, code, words in (("coop2,portable", 0, "coop2: it cannot"), ("coop,portable", 1, "coop: FAILED: it was lost")):
                result = run("gpu_rates.py", bench, "--case", "toy", "--rounds", 1, "--large", 0, "--torch-device", "cpu", "--variants",
                             variants)
                self.assertEqual(result.returncode, code, result.stderr)
                self.assertIn(words, result.stdout)
                self.assertRegex(result.stdout, r"portable +linear_portable +toy")
                self.assertRegex(result.stdout, r"goal: f16, portable .*: not met")

    def test_all_at_once(self):
        """A piece that fails is told of, by name and by exit status."""
        with tempfile.TemporaryDirectory() as out:
            result = subprocess.run([HERE / "gpu_all", BUILD, out, "nothing"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(result.returncode, 1)
            self.assertIn("there is no piece nothing", result.stdout)


if __name__ == "__main__":
    if not all(map(importlib.util.find_spec, NEEDED)):
        sys.exit(77)
    unittest.main(verbosity=2)
