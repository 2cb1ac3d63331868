"""Photos, checkpoints and devices that cannot be used: one clear error each, and nothing written."""
import itertools
import json
import os
import re
import shutil
import struct
import threading
import unittest

import harness
from harness import CHECKPOINT, DEVICE, INPUT, MEMORY, OK, TRY_AGAIN, USAGE

# So that a checkpoint that is wrongly taken does not render for hours.
SMALL = ["--width", "16", "--height", "16", "--frames", "1", "--steps", "1", "--device", "ref"]

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4519211100\n"


class Photos(harness.Case):
    def refuse(self, name, *words):
        before = self.files()
        self.expect(INPUT, "render", name, "-o", "clip.mp4", "--model", self.model(), *SMALL, says=words)
        self.assertEqual(self.files(), before)

    def test_cut_files(self):
        whole = harness.png(200, 150)
        for kept in (len(whole) - 1, len(whole) - 12, len(whole) * 2 // 3, 40, 9):
            with self.subTest(kept=kept):
                self.refuse(self.write("cut.png", whole[:kept]), "cut.png")

    def test_cut_jpeg(self):
        ffmpeg = shutil.which("ffmpeg")
        if not ffmpeg:
            self.skipTest("no ffmpeg")
        import subprocess
        subprocess.run([ffmpeg, "-v", "error", "-i", self.photo(), self.folder / "whole.jpg"], check=True, stdin=subprocess.DEVNULL)
        whole = (self.folder / "whole.jpg").read_bytes()
        os.remove(self.folder / "whole.jpg")
        self.refuse(self.write("cut.jpg", whole[: len(whole) * 2 // 3]), "cut.jpg")
        self.refuse(self.write("zeroed.jpg", whole[: len(whole) // 2] + bytes(len(whole) // 2)), "zeroed.jpg")

    def test_empty_and_foreign_files(self):
        self.refuse(self.write("empty.png", b""), "empty")
        self.refuse(self.write("text.png", b"these are not the bytes of a picture\n"), "text.png")
        self.refuse(self.write("page.png", b"<!DOCTYPE html><html><body>Sign in</body></html>"), "page.png")
        self.refuse(self.write("list.png", b"ffconcat version 1.0\nfile /etc/passwd\n"), "list.png")
        self.refuse(self.write("pointer.png", LFS_POINTER), "Git-LFS")
        self.refuse("missing.png", "missing.png")

    def test_a_photo_that_keeps_changing(self):
        """A large file, whose time is set again and again while it is read."""
        path = self.write("photo.png", harness.png())
        os.truncate(path, 120_000_000)
        done = threading.Event()

        def touch():
            for second in itertools.takewhile(lambda _: not done.is_set(), itertools.count(1)):
                os.utime(path, (second, second))

        thread = threading.Thread(target=touch)
        thread.start()
        try:
            result = self.expect(TRY_AGAIN, "render", "photo.png", "-o", "clip.mp4", "--model", self.model(), *SMALL, "--json",
                                 says=["changed while it was read, twice", "wait until"])
        finally:
            done.set()
            thread.join()
        (event,) = self.events(result)
        self.assertEqual((event["id"], event["status"]), ("image.changing", TRY_AGAIN))
        self.assertEqual(self.files(), ["photo.png"])

    def test_what_is_no_regular_file(self):
        os.mkdir(self.folder / "folder.png")
        os.mkfifo(self.folder / "pipe.png")
        for name in ("folder.png", "pipe.png", "/dev/zero"):
            with self.subTest(name=name):
                self.refuse(name, name)

    def test_odd_names_work(self):
        for name in [b"-o.png", b"sale50%d.png", b"a:b.png", b"http:x.png", "Gr\u00f6\u00dfe \u978b.png".encode(), b"bad\xff\xfeutf8.png",
                     b"line\nbreak'\".png", b"x" * 251 + b".png"]:
            with self.subTest(name=name):
                with open(os.path.join(os.fsencode(self.folder), name), "wb") as file:
                    file.write(harness.png(33, 21))
                # The sidecar's name has five bytes more.
                clip = name[:-4][:246] + b".mp4"
                result = self.packshot("render", "-o", clip, "--model", self.model(), *SMALL, "--json", "--", name)
                self.assertEqual(result.returncode, OK, result.stderr)
                self.assertTrue(os.path.getsize(os.path.join(os.fsencode(self.folder), clip)))
                summary = self.events(result)[-1]
                self.assertEqual(summary["event"], "summary")
                if name.isascii():
                    self.assertEqual(summary["output"], clip.decode())

    def test_the_error_event_has_the_same_name(self):
        name = self.write("empty.png", b"")
        result = self.expect(INPUT, "render", name, "-o", "c.mp4", "--model", self.model(), "--json")
        event = self.events(result)[-1]
        self.assertEqual((event["event"], event["status"], event["id"]), ("error", INPUT, "image.empty"))


class Checkpoints(harness.Case):
    def refuse(self, path, *words):
        self.expect(CHECKPOINT, "render", self.photo(), "-o", "clip.mp4", "--model", path, *SMALL, says=words)
        self.assertFalse((self.folder / "clip.mp4").exists())

    def copy(self, name="mini"):
        to = self.folder / name
        if to.exists():
            shutil.rmtree(to)
        shutil.copytree(harness.PIPELINES / name, to)
        return to

    def test_missing(self):
        self.refuse("nowhere", "nowhere")
        os.mkdir(self.folder / "hollow")
        self.refuse("hollow", "hollow")
        for part in ("unet", "vae", "image_encoder"):
            with self.subTest(part=part):
                model = self.copy()
                shutil.rmtree(model / part)
                self.refuse(str(model), part)

    def test_a_tensor_is_missing(self):
        model = self.copy()
        path = model / "vae" / "diffusion_pytorch_model.safetensors"
        tensors = harness.read_safetensors(path)
        del tensors["decoder.conv_out.bias"]
        harness.write_safetensors(path, {name: (shape, list(values)) for name, (shape, values) in tensors.items()})
        self.refuse(str(model), "decoder.conv_out.bias")
        told = self.events(self.expect(OK, "inspect", str(model), "--json"))[0]
        self.assertEqual({part["name"]: part["missing"] for part in told["parts"]}["vae"], 1)

    def test_files_that_are_something_else(self):
        model = self.copy()
        weights = model / "unet" / "diffusion_pytorch_model.safetensors"
        for content, words in [
            (LFS_POINTER, ["Git-LFS"]),
            (b"", ["empty"]),
            (b"<!DOCTYPE html><html><body>Sign in</body></html>", ["web page"]),
            (b"PK\x03\x04" + bytes(60), []),
            (b"GGUF" + bytes(60), ["GGUF"]),
            (b"\x80\x02}q\x00.", []),
            (struct.pack("<Q", 1 << 62) + b"{}", []),
            (struct.pack("<Q", 2) + b"[]", []),
        ]:
            with self.subTest(content=content[:12]):
                weights.write_bytes(content)
                self.refuse(str(model), "diffusion_pytorch_model.safetensors", *words)
                single = self.write("single.safetensors", content)
                self.refuse(single, "single.safetensors", *words)
                self.expect(CHECKPOINT, "inspect", single)

    def test_truncated(self):
        model = self.copy()
        weights = model / "unet" / "diffusion_pytorch_model.safetensors"
        whole = weights.read_bytes()
        for kept in (len(whole) - 1, len(whole) // 2, 4000, 20, 7):
            with self.subTest(kept=kept):
                weights.write_bytes(whole[:kept])
                self.refuse(str(model), "diffusion_pytorch_model.safetensors")

    def test_another_family(self):
        single = self.folder / "sdxl.safetensors"
        harness.write_safetensors(single, {
            "conditioner.embedders.1.model.transformer.resblocks.0.ln_1.weight": ([8], [0.0] * 8),
            "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": ([8], [0.0] * 8),
            "model.diffusion_model.input_blocks.0.0.weight": ([8, 4, 3, 3], [0.0] * 288),
            "first_stage_model.decoder.conv_in.weight": ([8, 4, 3, 3], [0.0] * 288),
        })
        self.refuse(str(single), "looks like", "SVD needs")
        model = self.copy()
        index = json.loads((model / "model_index.json").read_text())
        index["_class_name"] = "StableDiffusionXLPipeline"
        (model / "model_index.json").write_text(json.dumps(index))
        (model / "unet" / "config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel", "in_channels": 4}))
        harness.write_safetensors(model / "unet" / "diffusion_pytorch_model.safetensors", {
            "conv_in.weight": ([8, 4, 3, 3], [0.0] * 288),
            "down_blocks.0.resnets.0.conv1.weight": ([8, 8, 3, 3], [0.0] * 576),
            "add_embedding.linear_1.weight": ([8, 16], [0.0] * 128),
        })
        self.refuse(str(model), "looks like", "SVD needs")

    def test_weights_that_are_not_numbers(self):
        model = self.copy()
        path = model / "unet" / "diffusion_pytorch_model.safetensors"
        tensors = {name: (shape, list(values)) for name, (shape, values) in harness.read_safetensors(path).items()}
        tensors["conv_in.weight"][1][5] = float("nan")
        harness.write_safetensors(path, tensors)
        self.expect(CHECKPOINT, "render", self.photo(), "-o", "clip.mp4", "--model", str(model), *SMALL)
        self.assertFalse((self.folder / "clip.mp4").exists())

    def test_symbolic_links_are_followed(self):
        (self.folder / "blobs").mkdir()
        for path in harness.PIPELINES.joinpath("mini").rglob("*"):
            if path.is_file():
                link = self.folder / "hub" / path.relative_to(harness.PIPELINES / "mini")
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
        self.expect(OK, "render", self.photo(), "--dry-run", "--model", "hub", "--device", "ref")


class Inspect(harness.Case):
    def test_a_folder(self):
        info = self.events(self.expect(OK, "inspect", self.model("odd"), "--json"))[0]
        parts = {part["name"]: part for part in info["parts"]}
        for name in ("unet", "vae", "image_encoder"):
            self.assertEqual((parts[name]["missing"], parts[name]["surplus"], parts[name]["misshapen"]), (0, 0, 0), name)
            self.assertEqual(parts[name]["storage"], "F16")
            self.assertTrue(parts[name]["tensors"] and parts[name]["parameters"])
        self.assertEqual((info["latent_channels"], info["latent_scale"], info["frames"]), (4, 8, 5))
        self.assertTrue(info["temporal_decoder"])
        self.assertEqual(info["problems"], [])
        text = self.expect(OK, "inspect", self.model("odd")).stdout.decode()
        for word in ("Stable Video Diffusion", "unet", "vae", "image_encoder", "F16", "missing", "surplus", "misshapen"):
            self.assertIn(word, text)

    def test_both_layouts_have_the_same_parts(self):
        folder = self.events(self.expect(OK, "inspect", self.model("sgm"), "--json"))[0]
        single = self.events(self.expect(OK, "inspect", self.model("sgm/single.safetensors"), "--json"))[0]
        self.assertIn("folder", folder["layout"])
        self.assertIn("single", single["layout"])
        self.assertEqual(single["problems"], [])

    def test_without_a_device(self):
        self.expect(OK, "inspect", self.model(), env=harness.NO_VULKAN)


class Devices(harness.Case):
    def ask(self, code, device, words, env=None):
        self.expect(code, "render", self.photo(), "--dry-run", "--model", self.model(), "--device", device, "--width", "64",
                    "--height", "64", says=words, env=env)

    def test_no_vulkan(self):
        self.ask(DEVICE, "0", ["Vulkan", "packshot: hint: "], harness.NO_VULKAN)
        self.ask(OK, "auto", ["no GPU was found"], harness.NO_VULKAN)
        self.ask(OK, "ref", [], harness.NO_VULKAN)

    def test_threads_of_another_device(self):
        plan = ["render", self.photo(), "--model", self.model(), "--dry-run", "--threads", "2"]
        self.expect(OK, *plan, "--device", "ref", says=["--threads is for the device cpu", "does nothing"])
        self.assertNotIn(b"--threads", self.expect(OK, *plan, "--device", "cpu").stderr)
        self.assertNotIn(b"--threads", self.expect(OK, *plan[:-2], "--device", "ref", env={"PACKSHOT_THREADS": "2"}).stderr)
        self.write("list.csv", b"photo\nphoto.png\n")
        self.expect(OK, "batch", "list.csv", "--out", "out", *plan[2:], "--device", "ref", says="--threads is for the device cpu")

    def test_no_such_device(self):
        self.ask(DEVICE, "99", ["99"])
        self.ask(DEVICE, "Voodoo 3", ["Voodoo 3"])


class Settings(harness.Case):
    def test_size_is_no_multiple_of_what_the_vae_needs(self):
        self.expect(USAGE, "render", self.photo(), "-o", "c.mp4", "--model", self.model("deep"), "--device", "ref", "--width", "60",
                    "--height", "40", says="multiple of 8")

    def test_sigmas_fall_to_zero(self):
        for sigmas in ("5,3,1", "3,5,0", "0,0"):
            self.expect(USAGE, "render", self.photo(), "-o", "c.mp4", "--model", self.model(), "--device", "ref", "--width", "64",
                        "--height", "64", "--sigmas", sigmas, says="sigmas")

    def test_a_budget_too_small_says_what_would_do(self):
        arguments = ["render", self.photo(), "--dry-run", "--model", self.model(), "--device", "ref", "--width", "64", "--height", "64"]
        asked, tries = "1K", 0
        while True:
            result = self.packshot(*arguments, "--memory", asked)
            if result.returncode == OK:
                break
            self.assertEqual(result.returncode, MEMORY, result.stderr)
            self.assertIn("MiB", result.stderr.decode())
            asked = re.search(r"hint: .*--memory (\d+M)", result.stderr.decode()).group(1)
            tries += 1
            # Each phase may ask for its own.
            self.assertLessEqual(tries, 4)
        self.assertGreater(tries, 0)

    def test_taps_in_is_checked(self):
        harness.write_safetensors(self.folder / "odd.safetensors", {"noise.picture": ([1], [0.0])})
        harness.write_safetensors(self.folder / "shape.safetensors", {"noise.latents": ([1, 1, 4, 2, 2], [0.0] * 16)})
        for name, word in (("odd.safetensors", "noise.picture"), ("shape.safetensors", "noise.latents"), ("none.safetensors", "none")):
            self.expect(INPUT, "render", self.photo(), "-o", "c.mp4", "--model", self.model(), "--device", "ref", "--width", "64",
                        "--height", "64", "--frames", "1", "--taps-in", name, says=word)
            self.assertFalse((self.folder / "c.mp4").exists())


if __name__ == "__main__":
    harness.main()
