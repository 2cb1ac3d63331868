"""Renders that are killed and go on: the same bytes as of one that was not."""
import json
import os
import random
import signal
import subprocess

import harness
from harness import CANCELLED, INPUT, OK, OUTPUT, USAGE

SIZE = ["--width", "64", "--height", "64", "--frames", "2", "--device", "cpu", "--reproducible"]
STEPS = 12


class State(harness.Case):
    def arguments(self, output="clip.mp4", *more):
        return ["render", self.photo(), "-o", output, "--model", self.model(), *SIZE, "--steps", str(STEPS), "--seed", "5", *more]

    def render(self, code, *more, output="clip.mp4", **options):
        return self.expect(code, *self.arguments(output, *more), **options)

    def start(self, *more):
        process = subprocess.Popen([harness.PROGRAM, *self.arguments("clip.mp4", "--state", "state", "--json", *more)], cwd=self.folder,
                                   env=harness.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def stop_at(self, number, phase, step, *more):
        """Sends the signal as soon as the step, or a later one, is told of; returns what was said on stderr. A render that was over
        before the signal came is begun anew."""
        for _ in range(10):
            process = self.start(*more)
            for line in process.stdout:
                event = json.loads(line)
                if event.get("phase") == phase and event["step"] >= step:
                    break
            process.send_signal(number)
            told = process.communicate(timeout=60)[1].decode()
            if process.returncode != OK:
                break
            for name in ("clip.mp4", "clip.mp4.json"):
                (self.folder / name).unlink()
        self.assertEqual(process.returncode, -number if number == signal.SIGKILL else 128 + number, told)
        return told

    def bytes(self, name):
        return (self.folder / name).read_bytes()

    def alone(self, *more):
        """The clip of a render that is not stopped."""
        self.render(OK, *more, output="alone.mp4")
        return self.bytes("alone.mp4")

    def steps(self, result):
        return {event["step"] for event in self.events(result) if event.get("phase") == "unet" and event["event"] == "progress"}

    def visible(self):
        return [name for name in self.files() if not name.startswith(".")]


class Killed(State):
    def test_at_random_instants(self):
        expected = self.alone()
        whole = json.loads(self.bytes("alone.mp4.json"))
        generator = random.Random(7)
        for kill in range(8):
            process = self.start("--overwrite")
            try:
                process.communicate(timeout=generator.uniform(0.02, 0.5))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self.assertIn(process.returncode, (-signal.SIGKILL, OK))  # it may end at that very moment
        self.render(OK, "--state", "state", "--overwrite")
        self.assertEqual(self.bytes("clip.mp4"), expected)
        found = json.loads(self.bytes("clip.mp4.json"))
        whole["output"]["name"] = "clip.mp4"
        self.assertEqual(found, whole)
        self.assertEqual(sorted(self.files()), ["alone.mp4", "alone.mp4.json", "clip.mp4", "clip.mp4.json", "photo.png"])

    def test_in_the_middle_and_at_the_decoder(self):
        expected = self.alone()
        self.stop_at(signal.SIGKILL, "unet", 5)
        result = self.render(OK, "--state", "state", "--json", says="going on after step ")
        self.assertGreaterEqual(min(self.steps(result)), 5)
        self.assertEqual(self.bytes("clip.mp4"), expected)
        self.assertNotIn("state", self.files())
        self.stop_at(signal.SIGKILL, "decoder", 1, "--overwrite")
        self.assertIn("state", self.files())
        result = self.render(OK, "--state", "state", "--json", "--overwrite", says="going on after step 12 of 12, from state")
        self.assertFalse(self.steps(result))
        self.assertEqual(self.bytes("clip.mp4"), expected)
        self.assertNotIn("state", self.files())


class Stopped(State):
    def test_says_how_to_go_on(self):
        expected = self.alone()
        for number, code in ((signal.SIGINT, CANCELLED), (signal.SIGTERM, 143)):
            told = self.stop_at(number, "unet", 4)
            self.assertIn("stopping after this step", told)
            self.assertRegex(told, "the same render goes on after step [0-9]+ of 12, from state")
            self.assertEqual(self.visible(), ["alone.mp4", "alone.mp4.json", "photo.png", "state"])
        self.render(OK, "--state", "state", says="going on after step ")
        self.assertEqual(self.bytes("clip.mp4"), expected)

    def test_a_save_that_fails_leaves_it(self):
        expected = self.alone()
        self.render(OUTPUT, "--state", "state", "--sign-with", "/bin/false", says="goes on after its last step, from state")
        self.assertEqual(self.visible(), ["alone.mp4", "alone.mp4.json", "photo.png", "state"])
        result = self.render(OK, "--state", "state", "--json")
        self.assertFalse(self.steps(result))
        self.assertEqual(self.bytes("clip.mp4"), expected)

    def test_a_draft_and_what_follows_it(self):
        self.render(OK, "--draft", "6", output="draft.mp4")
        self.stop_at(signal.SIGKILL, "unet", 4, "--draft", "6")
        self.render(OK, "--state", "state", "--draft", "6", says="going on after step ")
        self.assertEqual(self.bytes("clip.mp4"), self.bytes("draft.mp4"))
        finish = ["render", "--from", "draft.mp4.json", "-o", "whole.mp4", "--model", self.model(), "--device", "cpu", "--reproducible"]
        self.expect(OK, *finish, "--state", "state")
        self.assertEqual(self.bytes("whole.mp4"), self.alone())
        self.assertNotIn("state", self.files())


class Refused(State):
    def test_the_state_of_another_render_is_not_used(self):
        self.stop_at(signal.SIGKILL, "unet", 4)
        result = self.render(OK, "--state", "state", "--seed", "6", "--json", says=["its seed is 5, not 6", "begins at its beginning"])
        self.assertIn(1, self.steps(result))
        self.assertEqual(self.bytes("clip.mp4"), self.alone("--seed", "6", "--overwrite"))

    def test_other_files_stay(self):
        self.write("notes.txt", b"mine")
        self.render(INPUT, "--state", "notes.txt", says=["notes.txt", "is no state"])
        self.assertEqual(self.bytes("notes.txt"), b"mine")
        photo = self.bytes("photo.png")
        self.render(USAGE, "--state", "photo.png", says="input")
        self.render(USAGE, "--state", "clip.mp4", says="same file")
        self.render(OUTPUT, "--state", "nowhere/state", says="nowhere")
        self.render(OK, "--state", "state", "--dry-run")
        self.assertEqual((self.bytes("photo.png"), self.files()), (photo, ["notes.txt", "photo.png"]))

    def test_what_does_not_go_together(self):
        for more in (["--candidates", "2"], ["--taps", "taps.safetensors"], ["--on-fail", "reroll"]):
            self.render(USAGE, "--state", "state", *more, says=["--state", more[0]])


if __name__ == "__main__":
    harness.main()
