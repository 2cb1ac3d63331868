"""Which model is taken without --model, and what a model's folder wishes for."""
import json
import os
import pathlib
import shutil

import harness
from harness import CHECKPOINT, INPUT, OK, USAGE

WISHES = {"width": 96, "height": 64, "frames": 3, "fps": 5, "motion": 60, "steps": 2, "guidance": [1, 1.5]}


class Wishes(harness.Case):
    def wishing(self, wishes):
        folder = self.folder / "model"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.model(), folder)
        (folder / "packshot.json").write_text(wishes if isinstance(wishes, str) else json.dumps(wishes))
        return "model"

    def plan(self, *arguments, device="ref"):
        result = self.expect(OK, "render", self.photo(), "--dry-run", "--device", device, "--json", *arguments)
        return self.events(result)[0]["params"]

    def test_a_folder_sets_defaults_and_options_beat_them(self):
        model = self.wishing(WISHES)
        wished = {**WISHES, "guidance_min": 1, "guidance_max": 1.5}
        del wished["guidance"]
        plan = self.plan("--model", model)
        self.assertEqual({name: plan[name] for name in wished}, wished)
        asked = {"--width": 128, "--frames": 4, "--fps": 9, "--motion": 30, "--steps": 3, "--guidance": "2:2.5"}
        plan = self.plan("--model", model, *[str(part) for pair in asked.items() for part in pair])
        self.assertEqual([plan[name] for name in ("width", "height", "frames", "fps", "motion", "steps", "guidance_min", "guidance_max")],
                         [128, 64, 4, 9, 30, 3, 2, 2.5])
        self.assertEqual(self.plan("--model", model, "--schedule", "ays")["steps"], 10)
        self.assertEqual(self.plan("--model", model, "--sigmas", "9,5,2,0")["steps"], 3)

    def test_without_wishes_it_is_stable_video_diffusion(self):
        for wishes in ({}, {"height": 64}):
            plan = self.plan("--model", self.wishing(wishes), "--frames", "1", "--width", "64",
                             *([] if wishes else ["--height", "64"]))
            self.assertEqual([plan[name] for name in ("height", "fps", "motion", "steps", "guidance_min", "guidance_max")],
                             [64, 7, 127, 25, 1, 3])

    def test_inspect_tells_them(self):
        model = self.wishing(WISHES)
        told = self.events(self.expect(OK, "inspect", model, "--json"))[0]
        self.assertEqual((told["width"], told["height"], told["steps"]), (96, 64, 2))
        text = self.expect(OK, "inspect", model).stdout.decode()
        self.assertIn("made for 96x64", text)
        self.assertIn("2 sampling steps", text)

    def test_a_model_that_needs_more_than_bf16_gets_f32(self):
        def dtype(wishes, *arguments):
            return self.plan("--model", self.wishing(wishes), *arguments, device="cpu")["dtype"]

        usual = dtype({})
        self.assertEqual(dtype({"bf16": True}), usual)
        self.assertEqual(dtype({"bf16": False}), "f32")
        self.assertEqual(dtype({"bf16": False}, "--dtype", "bf16"), "bf16")

    def test_slips_are_told(self):
        for wishes, words in [("{", "packshot.json"), ({"widht": 64}, "widht"), ({"width": 20}, "width"), ({"width": 8200}, "16 to 8192"),
                              ({"frames": 0}, "frames"), ({"steps": 1001}, "1 to 1000"), ({"fps": 2.5}, "fps"), ({"motion": -1}, "motion"),
                              ({"motion": "127"}, "motion"), ({"guidance": [1]}, "guidance"), ({"guidance": [1, "3"]}, "guidance"),
                              ({"guidance": [0, 3]}, "0.01 to 100"), ({"bf16": 0}, "true or false")]:
            with self.subTest(wishes=wishes):
                model = self.wishing(wishes)
                self.expect(CHECKPOINT, "render", self.photo(), "--dry-run", "--model", model, says=["packshot.json", words])
                problems = self.events(self.expect(OK, "inspect", model, "--json"))[0]["problems"]
                self.assertIn("packshot.json", " ".join(problems))


class Default(harness.Case):
    """The program in a folder of its own, as if installed or built there."""

    def place(self, program, model=None, cache=None):
        target = self.folder / program
        target.parent.mkdir(parents=True)
        shutil.copy2(harness.PROGRAM, target)
        if model:
            shutil.copytree(self.model(), self.folder / model)
        if cache:
            (self.folder / cache).write_text("")
        return target

    def dry_run(self, program, code, says, *arguments):
        before, harness.PROGRAM = harness.PROGRAM, str(program)
        self.addCleanup(setattr, harness, "PROGRAM", before)
        try:
            return self.expect(code, "render", self.photo(), "--dry-run", "--device", "ref", "--width", "64", "--height", "64",
                               *arguments, says=says)
        finally:
            harness.PROGRAM = before

    def test_installed(self):
        program = self.place("usr/bin/packshot", "usr/share/packshot/demo-model")
        self.dry_run(program, OK, ["no --model", str(self.folder / "usr/share/packshot/demo-model")])
        told = self.events(self.dry_run(program, OK, [], "--json"))[-1]
        self.assertEqual(pathlib.Path(told["model"]), self.folder / "usr/share/packshot/demo-model")

    def test_a_link_to_the_program(self):
        self.place("usr/bin/packshot", "usr/share/packshot/demo-model")
        os.symlink("usr/bin/packshot", self.folder / "shortcut")
        self.dry_run(self.folder / "shortcut", OK, [str(self.folder / "usr/share/packshot/demo-model")])

    def test_built(self):
        program = self.place("build/release/packshot", "samples/demo-model", "build/release/CMakeCache.txt")
        self.dry_run(program, OK, ["no --model", str(self.folder / "samples/demo-model")])

    def test_a_program_without_a_build_folder_looks_at_no_source_tree(self):
        program = self.place("usr/bin/packshot", "samples/demo-model")
        result = self.dry_run(program, USAGE, ["there is no --model", "share/packshot/demo-model"])
        self.assertNotIn(b"samples", result.stderr)

    def test_not_the_current_folder(self):
        program = self.place("usr/bin/packshot", "share/packshot/demo-model")
        shutil.copytree(self.model(), self.folder / "demo-model")
        shutil.copytree(self.model(), self.folder / "samples" / "demo-model")
        self.dry_run(program, USAGE, ["there is no --model"])

    def test_none_names_where_it_looked(self):
        program = self.place("build/release/packshot", cache="build/release/CMakeCache.txt")
        (self.folder / "samples" / "demo-model").mkdir(parents=True)
        self.dry_run(program, USAGE, ["share/packshot/demo-model", str(self.folder / "samples/demo-model"), "see packshot help render"])

    def test_a_model_that_is_named_is_taken_alone(self):
        program = self.place("usr/bin/packshot", "usr/share/packshot/demo-model")
        self.dry_run(program, CHECKPOINT, ["nowhere"], "--model", "nowhere")
        self.assertNotIn(b"no --model", self.dry_run(program, OK, [], "--model", self.model()).stderr)
        self.expect(INPUT, "render", "missing.png", "-o", "c.mp4", "--model", self.model())


if __name__ == "__main__":
    harness.main()
