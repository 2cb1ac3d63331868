"""What a clip says about its origin, in itself and beside it, and rendering it again from that."""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import time

import harness
from harness import CHECKPOINT, INPUT, OK, OUTPUT, USAGE

# The interpreter does not matter here, so the faster one.
DEVICE = "cpu" if "cpu" in harness.devices() else "ref"
SMALL = ["--width", "16", "--height", "24", "--frames", "2", "--steps", "2", "--device", DEVICE, "--dtype", "f32"]
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Provenance(harness.Case):
    def render(self, output="clip.mp4", *more, code=OK, **options):
        return self.expect(code, "render", self.photo(), "-o", output, "--model", self.model(), *SMALL, *more, **options)

    def sidecar(self, name="clip.mp4.json"):
        return json.loads((self.folder / name).read_text())

    def exiftool(self, name):
        tool = shutil.which("exiftool")
        if not tool:
            self.skipTest("no exiftool")
        told = subprocess.run([tool, "-json", "-G1", "-XMP:all", "-warning", "-error", self.folder / name], capture_output=True, check=True,
                              stdin=subprocess.DEVNULL)
        (tags,) = json.loads(told.stdout)
        return tags


class Labels(Provenance):
    def test_exiftool_reads_the_label(self):
        self.render("clip.mp4", "--seed", "18446744073709551615", "--motion", "60.5", "--guidance", "1.5:2.5")
        tags = self.exiftool("clip.mp4")
        self.assertEqual(tags["XMP-iptcExt:DigitalSourceType"], IPTC + "trainedAlgorithmicMedia")
        self.assertRegex(tags["XMP-xmp:CreatorTool"], r"^packshot \d+\.\d+\.\d+$")
        told = {name.split(":")[1]: value for name, value in tags.items() if name.startswith("XMP-packshot:")}
        weights = [sha256(harness.PIPELINES / "mini" / name) for name in
                   ("unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors", "image_encoder/model.safetensors")]
        expected = {"Width": 16, "Height": 24, "Frames": 2, "FramesPerSecond": 7, "Fit": "crop", "Focus": "centre", "Motion": 60.5, "NoiseAugmentation": 0.02,
                    "Steps": 2, "Schedule": "karras", "GuidanceMin": 1.5, "GuidanceMax": 2.5, "Rng": "philox", "DataType": "f32",
                    "Weights": "full", "DecodeChunk": 0, "PhotoSHA256": sha256(self.folder / "photo.png"), "ModelSHA256": weights,
                    "Model": "Stable Video Diffusion"}
        self.assertEqual({name: told.get(name) for name in expected}, expected)
        self.assertEqual(int(told["Seed"]), 2**64 - 1)
        self.assertNotIn("ExifTool:Warning", tags)

    def test_no_label_where_none_is_wanted(self):
        summary = self.events(self.render("clip.mp4", "--no-provenance", "--json"))[-1]
        self.assertNotIn(b"xpacket", (self.folder / "clip.mp4").read_bytes())
        self.assertFalse(self.sidecar()["label"]["xmp"])
        self.assertEqual(summary["provenance"], {"label": False, "sidecar": "clip.mp4.json"})
        self.assertNotIn("XMP-iptcExt:DigitalSourceType", self.exiftool("clip.mp4"))

    def test_the_label_is_the_default(self):
        summary = self.events(self.render("clip.mp4", "--no-sidecar", "--json"))[-1]
        self.assertEqual(summary["provenance"], {"label": True, "sidecar": None})
        self.assertEqual(self.files(), ["clip.mp4", "photo.png"])
        self.assertEqual((self.folder / "clip.mp4").read_bytes().count(IPTC.encode() + b"trainedAlgorithmicMedia"), 1)

    def test_the_label_names_nothing_of_the_machine(self):
        self.render()
        packet = (self.folder / "clip.mp4").read_bytes().split(b"<?xpacket")[1]
        for name in (b"photo.png", b"clip.mp4", os.fsencode(self.folder.name), b"pipelines"):
            self.assertNotIn(name, packet)


class Sidecars(Provenance):
    def test_what_is_recorded(self):
        self.render("clip.mp4", "--seed", "7", "--background", "102030", "--crf", "20")
        told = self.sidecar()
        clip = self.folder / "clip.mp4"
        self.assertEqual(told["output"], {"name": "clip.mp4", "bytes": clip.stat().st_size, "sha256": sha256(clip)})
        self.assertEqual(told["photo"], {"name": "photo.png", "bytes": len(harness.png()), "sha256": hashlib.sha256(harness.png()).hexdigest(),
                                         "width": 64, "height": 48})
        self.assertEqual(told["label"], {"xmp": True, "digital_source_type": IPTC + "trainedAlgorithmicMedia", "signer": None})
        self.assertEqual(told["checkpoint"]["name"], "mini")
        for file in told["checkpoint"]["files"]:
            path = harness.PIPELINES / "mini" / file["name"]
            self.assertEqual((file["bytes"], file["sha256"]), (path.stat().st_size, sha256(path)))
        self.assertEqual(told["parameters"], {
            "width": 16, "height": 24, "fit": "crop", "focus": "centre", "pad_colour": None, "frames": 2, "fps": 7, "motion": 127, "noise_aug": 0.02, "steps": 2,
            "schedule": "karras", "sigmas": None, "guidance_min": 1, "guidance_max": 3, "seed": "7", "rng": "philox", "dtype": "f32",
            "weights": "full", "decode_chunk": 0})
        self.assertEqual(told["options"], {"background": "102030", "crf": "20"})
        self.assertIn("libavcodec", told["libraries"])
        self.assertRegex(told["created"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertNotIn(str(self.folder), json.dumps(told))

    def test_licences_are_quoted(self):
        for files, note in (({}, "unknown"), ({"LICENSE.md": "..."}, "LICENSE.md"),
                            ({"README.md": "---\nlicense: other\nlicense_name: some-licence\n---\ntext"}, "some-licence (README.md)"),
                            ({"README.md": "---\nlicense: mit\n---\n", "LICENSE": "..."}, "mit (README.md), LICENSE"),
                            ({"README.md": "license: mit"}, "unknown")):
            with self.subTest(note=note):
                shutil.rmtree(self.folder / "model", ignore_errors=True)
                shutil.copytree(self.model(), self.folder / "model")
                for name, text in files.items():
                    self.write("model/" + name, text.encode())
                self.expect(OK, "render", self.photo(), "-o", "clip.mp4", "--model", "model/", *SMALL, "--overwrite")
                self.assertEqual(self.sidecar()["checkpoint"]["licence"], note)
                self.assertEqual(self.sidecar()["checkpoint"]["name"], "model")

    def test_two_reproducible_renders_are_one(self):
        for folder in ("a", "b"):
            os.mkdir(self.folder / folder)
            self.render(folder + "/clip.mp4", "--reproducible")
        for name in ("clip.mp4", "clip.mp4.json"):
            self.assertEqual((self.folder / "a" / name).read_bytes(), (self.folder / "b" / name).read_bytes())
        self.assertIsNone(self.sidecar("a/clip.mp4.json")["created"])

    def test_an_existing_sidecar_stays(self):
        self.write("clip.mp4.json", b"{}")
        result = self.render(code=OUTPUT, says=["clip.mp4.json", "--overwrite"])
        self.assertNotIn(b"plan:", result.stderr)
        self.assertEqual((self.folder / "clip.mp4.json").read_bytes(), b"{}")
        self.render("clip.mp4", "--no-sidecar")
        self.assertEqual((self.folder / "clip.mp4.json").read_bytes(), b"{}")
        self.render("clip.mp4", "--overwrite")
        self.assertEqual(self.sidecar()["output"]["sha256"], sha256(self.folder / "clip.mp4"))

    def test_a_sidecar_is_no_input(self):
        shutil.copy(self.photo(), self.folder / "clip.mp4.json")
        self.expect(USAGE, "render", "clip.mp4.json", "-o", "clip.mp4", "--model", self.model(), *SMALL, "--overwrite", says="is an input")
        os.remove(self.folder / "clip.mp4.json")
        self.render("clip.mp4", "--taps", "clip.mp4.json", code=USAGE, says="sidecar")


class Signers(Provenance):
    def signer(self, script):
        path = self.folder / "signer"
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        return ["--sign-with", "./signer"]

    def refused(self, script, says, *more, code=OUTPUT):
        result = self.render("clip.mp4", *self.signer(script), *more, code=code, says=says)
        self.assertEqual(self.files(), ["photo.png", "signer"])
        return result

    def test_what_it_writes_is_the_clip(self):
        """In place, and by putting another file there; a box of type free stands for a signature."""
        box = struct.pack(">I4s", 24, b"free") + b"signed by nobody"
        for script in ("cat box >>\"$1\"", "cat \"$1\" box >new && mv new \"$1\""):
            with self.subTest(script=script):
                self.write("box", box)
                result = self.render("clip.mp4", "--json", "--overwrite",
                                     *self.signer("echo \"$#:$2:$0\" >told; [ -e \"$2\" ] && [ ! -e again ] && exit 7; >again; read x; echo noise; " + script))
                self.assertEqual((self.folder / "told").read_text(), "2:clip.mp4:./signer\n")
                self.assertEqual(self.events(result)[-1]["event"], "summary")
                self.assertIn(b"noise", result.stderr)
                clip = (self.folder / "clip.mp4").read_bytes()
                self.assertTrue(clip.endswith(box))
                self.assertEqual(self.sidecar()["output"]["sha256"], hashlib.sha256(clip).hexdigest())
                self.assertEqual(self.sidecar()["label"]["signer"], "signer")
                self.assertIn(b"trainedAlgorithmicMedia", clip)
                self.assertEqual([name for name in self.files() if "packshot" in name], [])

    def test_what_fails_leaves_no_clip(self):
        self.refused("exit 3", ["signer", "exit status 3"])
        self.refused("kill -9 $$", "signal 9")
        self.refused("rm \"$1\"", "was replaced: No such file")
        self.refused("rm \"$1\"; mkfifo \"$1\"", "regular")
        self.refused("ln -sf photo.png \"$1\"", "was replaced")
        self.refused("size=$(wc -c <\"$1\"); truncate -s $((size / 2)) \"$1\"", "clip")
        self.refused("exec dd if=/dev/zero of=\"$1\" bs=1 count=4000 conv=notrunc 2>/dev/null", "clip")

    def test_the_label_has_to_stay(self):
        """The label begins with its uuid box, the last of the file."""
        script = ("at=$(grep -abo uuid \"$1\" | tail -n 1 | cut -d: -f1); truncate -s $((at - 4)) \"$1\"")
        self.refused(script, "removed the clip's label")
        self.render("clip.mp4", "--no-provenance", *self.signer("exit 0"))

    def test_it_may_not_take_for_ever(self):
        begun = time.monotonic()
        self.refused("sleep 60 & sleep 60", "more than 0.3 seconds", "--sign-timeout", "0.3")
        self.assertLess(time.monotonic() - begun, 30)

    def test_what_cannot_be_started(self):
        self.render("clip.mp4", "--sign-with", "./missing", code=OUTPUT, says=["./missing", "cannot be started"])
        self.assertEqual(self.files(), ["photo.png"])

    def test_a_project_cannot_name_one(self):
        """Whoever renders in a folder must not run what lies in it."""
        self.signer("exit 0")
        self.write("packshot.ini", b"[render]\nsign-with = signer\n")
        self.render(code=INPUT, says="others may have written")
        os.remove(self.folder / "packshot.ini")
        self.write("config/packshot/packshot.ini", ("[render]\nsign-with = %s/signer\n" % self.folder).encode())
        self.render(env={"XDG_CONFIG_HOME": str(self.folder / "config")})
        self.assertEqual(self.sidecar()["label"]["signer"], "signer")


class Repeats(Provenance):
    def repeat(self, *more, code=OK, **options):
        return self.expect(code, "render", "--from", "clip.mp4.json", "--model", self.model(), "--device", DEVICE, *more, **options)

    def test_the_same_clip_again(self):
        cases = (["--seed", "3", "--rng", "torch-cpu", "--fit", "stretch", "--motion", "0", "--noise-aug", "0.3"],
                 ["--sigmas", "700,3.25,0.1,0", "--guidance", "1.25:2", "--decode-chunk", "1"],
                 ["--schedule", "ays", "--fps", "30", "--background", "000000", "--crf", "30"],
                 ["--fit", "pad", "--pad-colour", "808080", "--focus", "0.25:0.5"], ["--focus", "auto"])
        for case in cases:
            with self.subTest(case=case):
                base = [word for i, word in enumerate(SMALL) if "--sigmas" not in case or i not in (6, 7)]
                self.expect(OK, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *base, *case, "--overwrite", "--reproducible")
                self.repeat("-o", "again.mp4", "--overwrite", "--reproducible")
                self.assertEqual((self.folder / "clip.mp4").read_bytes(), (self.folder / "again.mp4").read_bytes())
                first, second = self.sidecar(), self.sidecar("again.mp4.json")
                first["output"]["name"] = "again.mp4"
                self.assertEqual(first, second)

    def test_options_beside_it_win(self):
        self.render("clip.mp4", "--seed", "3")
        self.repeat("-o", "other.mp4", "--seed", "4", "--crf", "30")
        told = self.sidecar("other.mp4.json")
        self.assertEqual((told["parameters"]["seed"], told["options"]), ("4", {"crf": "30"}))
        self.assertEqual(told["parameters"]["height"], 24)

    def test_names_are_looked_for_beside_the_sidecar(self):
        os.mkdir(self.folder / "job")
        photo = self.photo()
        self.expect(OK, "render", photo, "-o", "job/clip.mp4", "--model", self.model(), *SMALL)
        os.symlink(self.model(), self.folder / "job" / "mini")
        shutil.move(photo, self.folder / "job" / "photo.png")
        again = ["render", "--from", "job/clip.mp4.json", "--device", DEVICE]
        self.expect(OUTPUT, *again, says=["job/clip.mp4", "exists"])
        before = sha256(self.folder / "job" / "clip.mp4")
        self.expect(OK, *again, "--overwrite")
        self.assertEqual(sha256(self.folder / "job" / "clip.mp4"), before)
        os.remove(self.folder / "job" / "photo.png")
        self.expect(INPUT, *again, "-o", "other.mp4", says="photo.png")

    def test_another_photo_is_refused_with_both_hashes(self):
        self.render()
        recorded = sha256(self.folder / "photo.png")
        self.write("photo.png", harness.png(32, 32))
        self.repeat("-o", "again.mp4", code=INPUT, says=[recorded, sha256(self.folder / "photo.png"), "photo"])
        self.assertFalse((self.folder / "again.mp4").exists())

    def test_another_checkpoint_is_refused_with_both_hashes(self):
        self.render()
        shutil.copytree(self.model(), self.folder / "model")
        weights = self.folder / "model" / "vae" / "diffusion_pytorch_model.safetensors"
        content = bytearray(weights.read_bytes())
        recorded = hashlib.sha256(content).hexdigest()
        content[-3] ^= 1
        weights.write_bytes(content)
        self.expect(CHECKPOINT, "render", "--from", "clip.mp4.json", "--model", "model", "--device", DEVICE, "-o", "again.mp4",
                    says=[recorded, sha256(weights), "vae/"])
        self.expect(CHECKPOINT, "render", "--from", "clip.mp4.json", "--model", self.model("sgm/single.safetensors"), "--device", DEVICE,
                    "-o", "again.mp4", says="1 weight files")

    def test_noise_from_a_file_is_needed_again(self):
        harness.write_safetensors(self.folder / "noise.safetensors", {"noise.image": ([1, 3, 24, 16], [0.5] * 3 * 24 * 16)})
        self.render("clip.mp4", "--taps-in", "noise.safetensors")
        self.assertEqual(self.sidecar()["noise"]["sha256"], sha256(self.folder / "noise.safetensors"))
        self.repeat("-o", "again.mp4", code=INPUT, says="noise")
        self.repeat("-o", "again.mp4", "--taps-in", "noise.safetensors")
        self.assertEqual((self.folder / "clip.mp4").read_bytes(), (self.folder / "again.mp4").read_bytes())

    def test_hostile_sidecars_are_refused(self):
        self.render()
        whole = self.sidecar()

        def changed(**members):
            return json.dumps({**whole, **members})

        cases = (b"", b"[]", b"{}", b"\xff", b"[" * 100000, changed(version=2).encode(), changed(secret={}).encode(),
                 changed(options=[]).encode(), changed(options={"width": "64"}).encode(), changed(options={"output": "x.mp4"}).encode(),
                 changed(options={"model": "/etc"}).encode(), changed(options={"crf": 17}).encode(), changed(options={"crf": "101"}).encode(),
                 changed(options={"nothing": "1"}).encode(),
                 changed(photo={**whole["photo"], "sha256": "0" * 64}).encode())
        for case in cases:
            with self.subTest(case=case[-60:]):
                self.write("clip.mp4.json", case)
                self.repeat("-o", "again.mp4", code=INPUT)
                self.assertFalse((self.folder / "again.mp4").exists())
        for name in ("../photo.png", "/etc/passwd", "..", "a/b"):
            self.write("clip.mp4.json", changed(photo={**whole["photo"], "name": name}).encode())
            self.repeat("-o", "again.mp4", code=USAGE, says="names no photo")

    def test_what_it_needs(self):
        self.expect(USAGE, "render", "--model", self.model(), "-o", "clip.mp4", says="needs a PHOTO, or --from")
        self.expect(INPUT, "render", "--from", "missing.json", says="missing.json")
        self.render()
        # Without the model that comes with packshot it is a usage error.
        result = self.packshot("render", "--from", "clip.mp4.json", "-o", "again.mp4", "--device", DEVICE)
        self.assertIn(result.returncode, (USAGE, CHECKPOINT), result.stderr)


if __name__ == "__main__":
    harness.main()
