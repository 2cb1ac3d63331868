"""Runs the program as a user does. Python's standard library alone; the tests of a file are one ctest entry.

PACKSHOT is the program, GOLDEN the folder with the pipelines that tests/golden/fill.c has expanded,
SANITIZE the sanitizers that the program is built with, if any.
"""
import array
import json
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import schema

PROGRAM = os.environ["PACKSHOT"]
PIPELINES = pathlib.Path(os.environ["GOLDEN"]) / "pipelines"

SANITIZED = bool(os.environ.get("SANITIZE"))

NO_VULKAN = {"VK_ICD_FILENAMES": "/nonexistent.json", "VK_DRIVER_FILES": "/nonexistent.json"}

OK, INTERNAL, USAGE, INPUT, CHECKPOINT, DEVICE, MEMORY, OUTPUT, TRY_AGAIN, CANCELLED = 0, 1, 2, 4, 5, 6, 7, 8, 75, 130


def png(width=64, height=48, pixel=None):
    """An RGB picture of pixel(x, y), or with a gradient and an edge."""
    pixel = pixel or (lambda x, y: (x * 255 // width, y * 255 // height, 200 if x > y else 40))
    rows = b""
    for y in range(height):
        rows += b"\0" + bytes(v for x in range(width) for v in pixel(x, y))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_safetensors(path, tensors):
    """tensors: {name: (shape, list of floats)}, stored as F32."""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        body = struct.pack("<%df" % len(values), *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    """{name: (shape, array of floats)} of a file of F32 tensors."""
    bytes_ = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack_from("<Q", bytes_)
    tensors = {}
    for name, entry in json.loads(bytes_[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", (name, entry["dtype"])
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        values = array.array("f", bytes_[begin:end])
        if sys.byteorder == "big":
            values.byteswap()
        tensors[name] = entry["shape"], values
    return tensors


def distance(found, golden):
    """||found - golden|| / ||golden||; NaN where either holds NaN."""
    difference = math.fsum((a - b) ** 2 for a, b in zip(found, golden))
    norm = math.fsum(b * b for b in golden)
    return math.sqrt(difference / norm) if norm else math.inf


def run_of(name):
    """The golden's own call."""
    return json.loads((PIPELINES / name / "run.json").read_text())


def arguments_of(name, **changes):
    """The golden's call as arguments, without --model and outputs. A change to None leaves the option out."""
    call = run_of(name)
    options = {
        "--fit": "stretch",
        "--width": call["width"],
        "--height": call["height"],
        "--frames": call["frames"],
        "--fps": call["fps"],
        "--motion": call["motion"],
        "--noise-aug": call["noise_aug"],
        "--guidance": "%s:%s" % (call["guidance_min"], call["guidance_max"]),
        "--seed": call["seed"],
        "--rng": "torch-cpu",
    }
    if call.get("sigmas"):
        options["--sigmas"] = ",".join(str(s) for s in call["sigmas"])
    else:
        options["--steps"] = call["steps"]
    if call.get("decode_chunk"):
        options["--decode-chunk"] = call["decode_chunk"]
    options.update({"--" + name.replace("_", "-"): value for name, value in changes.items()})
    return [str(part) for pair in options.items() if pair[1] is not None for part in pair]


def environment(changes=None):
    """This process's, without what would set options of the program: its variables and this user's packshot.ini."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PACKSHOT_")}
    kept.pop("XDG_RUNTIME_DIR", None)  # where renders on one GPU take turns
    changed = {**kept, "XDG_CONFIG_HOME": "/nonexistent", "PACKSHOT_SYSTEM_CONFIG": "/nonexistent", **(changes or {})}
    return {name: value for name, value in changed.items() if value is not None}


def devices():
    """What --device takes for each interpreter of this machine: the first usable Vulkan device, cpu, ref."""
    listed = subprocess.run([PROGRAM, "devices", "--json"], capture_output=True, stdin=subprocess.DEVNULL)
    usable = [device["selector"] for device in map(json.loads, listed.stdout.splitlines()) if device["usable"]]
    return [name for name in usable if name.isdigit()][:1] + [name for name in usable if not name.isdigit()]


def vulkan_device():
    """The number of a usable Vulkan device, or None."""
    return next((name for name in devices() if name.isdigit()), None)


class Case(unittest.TestCase):
    """A test with a folder of its own, which is the program's current folder."""

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="packshot-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def packshot(self, *arguments, env=None, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("timeout", 600)
        return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, cwd=self.folder, env=environment(env), **options)

    def expect(self, code, *arguments, says=(), **options):
        """Runs, compares the exit code, looks for words on stderr; on failure there has to be one error."""
        result = self.packshot(*arguments, **options)
        told = (result.stderr or b"").decode(errors="replace")
        self.assertEqual(result.returncode, code, "packshot %s\n%s" % (arguments, told))
        for words in [says] if isinstance(says, str) else says:
            self.assertIn(words, told)
        if code and result.stderr is not None:
            self.assertEqual(told.count("packshot: error: "), 1, told)
        return result

    def events(self, result):
        """Every line of stdout, each of which has to be an event as the schema describes it."""
        command = " ".join(map(str, result.args[1:3])) if result.args[0] == PROGRAM else None
        return [schema.check(json.loads(line), command) for line in result.stdout.decode().splitlines()]

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    def photo(self):
        return self.write("photo.png", png())

    def model(self, name="mini"):
        return str(PIPELINES / name)


def commands():
    """The names of all commands, as the overview has them; `help` is none."""
    overview = subprocess.run([PROGRAM, "help"], capture_output=True, stdin=subprocess.DEVNULL, check=True).stdout.decode()
    listed = re.search(r"^commands:\n(.*?)\n\n", overview, re.S | re.M).group(1)
    return [name for name in re.findall(r"^  (\w+(?: \w+)?)  ", listed, re.M) if name != "help"]


def options(command):
    """The names of a command's options, with their dashes, as its help has them."""
    text = subprocess.run([PROGRAM, "help", *command.split()], capture_output=True, stdin=subprocess.DEVNULL, check=True).stdout.decode()
    return re.findall(r"^  (?:-\w,|   ) (--[a-z][a-z-]*)", re.search(r"^options:\n(.*)", text, re.S | re.M).group(1), re.M)


def main():
    """Exit 0 or 1, or 77 where every test was skipped."""
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0)
