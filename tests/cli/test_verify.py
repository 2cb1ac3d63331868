"""packshot verify: clips against their sidecars, weights that are no numbers."""
import hashlib
import json
import math
import os
import shutil
import struct

import harness
from harness import CHECKPOINT, INPUT, OK, USAGE

DEVICE = "cpu" if "cpu" in harness.devices() else "ref"
SMALL = ["--width", "16", "--height", "24", "--frames", "3", "--steps", "1", "--device", DEVICE, "--dtype", "f32"]


class Clips(harness.Case):
    def clip(self, *more):
        self.expect(OK, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *SMALL, "--overwrite", *more)
        return self.folder / "clip.mp4"

    def sidecar(self, change):
        path = self.folder / "clip.mp4.json"
        told = json.loads(path.read_text())
        change(told)
        path.write_text(json.dumps(told))

    def test_a_clip_that_nobody_touched(self):
        self.clip()
        result = self.expect(OK, "verify", "clip.mp4")
        self.assertEqual(result.stdout.decode().splitlines(), [
            "clip.mp4: mp4, h264, 16x24, 3 frames, 0.43 s", "label: trainedAlgorithmicMedia, made by packshot 0.1.0",
            "sidecar: its hash is the clip's; of photo photo.png with checkpoint mini"])
        (event,) = self.events(self.expect(OK, "verify", "clip.mp4", "--json"))
        self.assertAlmostEqual(event.pop("seconds"), 3 / 7, places=6)
        self.assertEqual(event, {
            "v": 1, "event": "clip", "path": "clip.mp4", "container": "mp4", "codec": "h264", "width": 16, "height": 24, "frames": 3, "labelled": True,
            "digital_source_type": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia", "creator": "packshot 0.1.0",
            "matches": True})
        quiet = self.expect(OK, "verify", "clip.mp4", "--quiet")
        self.assertEqual((quiet.stdout, quiet.stderr), (b"", b""))

    def test_a_clip_that_was_changed(self):
        """By a box that no player looks at."""
        clip = self.clip()
        before = hashlib.sha256(clip.read_bytes()).hexdigest()
        clip.write_bytes(clip.read_bytes() + struct.pack(">I4s", 8, b"free"))
        self.expect(INPUT, "verify", "clip.mp4", says=[before, hashlib.sha256(clip.read_bytes()).hexdigest()])
        (event,) = self.events(self.packshot("verify", "clip.mp4", "--json"))
        self.assertEqual(event["id"], "clip.changed")

    def test_one_byte_that_was_changed(self):
        """In the label, where every frame still decodes."""
        clip = self.clip()
        content = bytearray(clip.read_bytes())
        content[content.index(b"<xmp:CreatorTool>") + 17] ^= 1
        clip.write_bytes(content)
        (event,) = self.events(self.expect(INPUT, "verify", "clip.mp4", "--json"))
        self.assertEqual(event["id"], "clip.changed")

    def test_a_clip_that_is_damaged(self):
        clip = self.clip()
        content = clip.read_bytes()
        picture = content.index(b"mdat") + 12
        for broken in (content[: len(content) // 3], content[:picture] + bytes(len(content) - picture), content[:40], content[:-1]):
            clip.write_bytes(broken)
            (event,) = self.events(self.expect(INPUT, "verify", "clip.mp4", "--json"))
            self.assertEqual(event["id"], "clip.damaged")

    def test_an_animated_webp(self):
        photo = self.photo()
        self.expect(OK, "render", photo, "-o", "clip.webp", "--model", self.model(), *SMALL)
        (event,) = self.events(self.expect(OK, "verify", "clip.webp", "--json"))
        self.assertAlmostEqual(event["seconds"], 3 / 7, delta=0.003)
        self.assertEqual([event[key] for key in ("container", "codec", "width", "height", "frames", "labelled", "matches")],
                         ["webp", "webp", 16, 24, 3, True, True])
        content = (self.folder / "clip.webp").read_bytes()
        frame = content.index(b"ANMF")
        for identity, changed in (("clip.changed", content.replace(b"<xmp:CreatorTool>p", b"<xmp:CreatorTool>P")),
                                  ("clip.damaged", content[:-2]), ("clip.damaged", content[:frame + 28] + bytes(len(content) - frame - 28))):
            self.write("clip.webp", changed)
            (event,) = self.events(self.expect(INPUT, "verify", "clip.webp", "--json"))
            self.assertEqual(event["id"], identity)

    def test_a_folder_of_pictures(self):
        self.expect(OK, "render", self.photo(), "-o", "frames/", "--model", self.model(), *SMALL)
        result = self.expect(OK, "verify", "frames/")
        self.assertEqual(result.stdout.decode().splitlines()[:2], [
            "frames/: folder, png, 16x24, 3 frames", "label: trainedAlgorithmicMedia, made by packshot 0.1.0"])
        self.assertTrue(self.events(self.expect(OK, "verify", "frames", "--json"))[0]["matches"])
        second = self.folder / "frames" / "frame_00002.png"
        content = second.read_bytes()
        data = content.index(b"IDAT")
        larger = harness.png(32, 24)
        for identity, changed in (("clip.damaged", content[:data + 8] + b"\xff" + content[data + 9:]), ("clip.damaged", larger),
                                  ("clip.changed", (self.folder / "frames" / "frame_00001.png").read_bytes())):
            second.write_bytes(changed)
            (event,) = self.events(self.expect(INPUT, "verify", "frames", "--json"))
            self.assertEqual(event["id"], identity)
        second.write_bytes(content)
        self.write("frames/notes.txt", b"more")
        self.expect(INPUT, "verify", "frames", says="is not the file that its sidecar describes")
        os.remove(self.folder / "frames" / "notes.txt")
        os.remove(second)
        self.expect(INPUT, "verify", "frames", says="frame_00002.png")
        os.mkfifo(second)
        self.expect(INPUT, "verify", "frames", says="not a regular file")

    def test_a_sidecar_elsewhere(self):
        self.clip()
        os.rename(self.folder / "clip.mp4", self.folder / "other.mp4")
        self.expect(OK, "verify", "other.mp4", "--sidecar", "clip.mp4.json")
        result = self.expect(OK, "verify", "other.mp4")
        self.assertIn(b"sidecar: none", result.stdout)
        self.assertFalse(self.events(self.expect(OK, "verify", "other.mp4", "--json"))[0]["matches"])
        self.expect(INPUT, "verify", "other.mp4", "--sidecar", "missing.json", says="missing.json")

    def test_a_label_that_is_missing(self):
        self.clip("--no-provenance")
        self.assertIn(b"label: none", self.expect(OK, "verify", "clip.mp4").stdout)
        self.sidecar(lambda told: told["label"].update(xmp=True))
        self.expect(INPUT, "verify", "clip.mp4", says="no label")
        os.remove(self.folder / "clip.mp4.json")
        self.expect(INPUT, "verify", "clip.mp4", says="neither a label nor a sidecar")

    def test_a_sidecar_that_is_damaged(self):
        self.clip()
        self.sidecar(lambda told: told.pop("photo"))
        self.expect(INPUT, "verify", "clip.mp4", says="photo: is missing")

    def test_what_is_no_clip(self):
        os.mkfifo(self.folder / "pipe.mp4")
        self.write("empty.mp4", b"")
        self.write("text.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n")
        for name, identity in ((self.photo(), "clip.unknown-type"), ("text.mp4", "clip.unknown-type"), ("empty.mp4", "clip.unreadable"),
                               ("pipe.mp4", "clip.unreadable"), ("missing.mp4", "clip.unreadable")):
            (event,) = self.events(self.expect(INPUT, "verify", name, "--json"))
            self.assertEqual(event["id"], identity)


class Models(harness.Case):
    def plant(self, path, value):
        """Puts a number into the middle of the last F32 tensor of a file, and returns that tensor's name."""
        content = bytearray(path.read_bytes())
        (size,) = struct.unpack_from("<Q", content)
        header = json.loads(content[8 : 8 + size])
        name, entry = max(((n, e) for n, e in header.items() if n != "__metadata__" and e["dtype"] == "F32"), key=lambda pair: pair[1]["data_offsets"])
        begin, end = entry["data_offsets"]
        struct.pack_into("<f", content, 8 + size + begin + (end - begin) // 8 * 4, value)
        path.write_bytes(content)
        return name

    def test_weights_that_are_numbers(self):
        for model in ("mini", "sgm/single.safetensors"):
            with self.subTest(model=model):
                result = self.expect(OK, "verify", self.model(model))
                self.assertRegex(result.stdout.decode(), r"(\d+) tensors, [0-9.]+ MiB, \1 checked, 0 with NaN or infinity")

    def test_weights_that_are_none(self):
        for value in (math.nan, math.inf, -math.inf):
            with self.subTest(value=value):
                shutil.rmtree(self.folder / "model", ignore_errors=True)
                shutil.copytree(self.model(), self.folder / "model")
                name = self.plant(self.folder / "model" / "vae" / "diffusion_pytorch_model.safetensors", value)
                self.expect(CHECKPOINT, "verify", "model", says=["vae: " + name, "1 tensors"])
                weights, error = self.events(self.packshot("verify", "model", "--json"))
                self.assertEqual((weights["faulty"], weights["problems"]), (1, ["vae: %s has NaN or infinity" % name]))
                self.assertEqual(error["id"], "checkpoint.not-finite")

    def test_what_is_no_checkpoint(self):
        os.mkdir(self.folder / "folder")
        self.expect(CHECKPOINT, "verify", "folder", says="no model in this folder")
        self.write("cut.safetensors", b"\xff\0\0\0\0\0\0\0{}")
        self.expect(CHECKPOINT, "verify", "cut.safetensors")
        self.expect(USAGE, "verify", self.model(), "--sidecar", "clip.mp4.json", says="--sidecar is for clips")


if __name__ == "__main__":
    harness.main()
