"""What programs rely on: the events of --json and the exit codes are those of the manual."""
import json
import pathlib
import re
import signal
import subprocess
import time

import harness
import schema
from batching import NOTHING_TO_DO, SOME_FAILED

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLI = ROOT / "pipeline" / "cli"


def words_of_schema(part):
    """Every keyword in use; members of `properties` and `$defs` are names, not keywords."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield key
            inner = value.values() if key == "properties" else [value] if isinstance(value, (dict, list)) else []
            for one in inner:
                yield from words_of_schema(one)
    elif isinstance(part, list):
        for one in part:
            yield from words_of_schema(one)


class Schema(harness.Case):
    def test_every_event_of_the_sources_is_described_and_no_other(self):
        sources = "".join(path.read_text() for path in sorted(CLI.glob("*.c")))
        named = set(re.findall(r'(?:"event",\s*(?:json_string\()?|job_event\()"([\w-]+)"', sources))
        by_their_command = {"retry", "cancel"}  # change.c
        self.assertEqual(named | by_their_command, set(schema.EVENTS))

    def test_the_schema_is_one_that_the_check_knows_whole(self):
        for name, one in schema.SCHEMA["$defs"].items():
            self.assertLessEqual(set(words_of_schema(one)), schema.USED, name)
            self.assertTrue(one["description"].endswith("."), name)
            self.assertLessEqual(set(one["required"]), set(one["properties"]), name)
            for member, about in one["properties"].items():
                self.assertTrue(member in ("v", "event") or about.get("description"), "%s.%s" % (name, member))
            self.assertEqual("x-commands" in one, name in schema.EVENTS, name)
            for command in one.get("x-commands", "all").split(", "):
                self.assertIn(command, ["all", *harness.commands()], name)

    def test_every_object_is_used(self):
        text = json.dumps(schema.SCHEMA)
        for name in schema.SCHEMA["$defs"]:
            self.assertIn('"#/$defs/%s"' % name, text)

    def test_the_check_notices(self):
        good = {"v": 1, "event": "error", "id": "a.b", "status": 2, "name": "usage", "message": "m", "hint": ""}
        schema.check(good)
        for change in ({"v": 2}, {"v": True}, {"status": "2"}, {"status": True}, {"hint": None}, {"more": 1}, {"event": "eror"}):
            with self.subTest(change=change), self.assertRaises(AssertionError):
                schema.check({**good, **change})
        with self.assertRaises(AssertionError):
            schema.check({name: value for name, value in good.items() if name != "id"})

    def test_commands_that_list(self):
        """Those that other tests do not ask for JSON; harness.events checks each event."""
        preset = self.write("packshot-presets/own.ini", b"[preset]\ndescription = d\n[render]\nmotion = 9\n")
        self.write("packshot.ini", b"[render]\nseed = 5\n")
        for arguments in (["devices"], ["doctor"], ["version"], ["presets"], ["presets", "show", "own"], ["presets", "check", preset],
                          ["config"], ["inspect", self.model()], ["verify", self.model()]):
            with self.subTest(arguments=arguments):
                self.assertTrue(self.events(self.packshot(*arguments, "--json")))


class ExitCodes(harness.Case):
    """Each code is provoked where a test can, and the error's event has the name that is documented."""

    # A defect, and a GPU that hangs: nothing that a command line can bring about.
    BEYOND_REACH = {1, 9}
    # In test_inputs.py.
    ELSEWHERE = {harness.TRY_AGAIN}

    def documented(self):
        text = self.expect(harness.OK, "help").stdout.decode()
        return {int(code) for code in re.findall(r"^ +(\d+)  ", re.search(r"exit codes:(.*)", text, re.S).group(1), re.M)}

    def named(self):
        table = re.search(r"cli_exits\[\] = \{(.*?)\n\};", (CLI / "exits.c").read_text(), re.S).group(1)
        values = dict(re.findall(r"(PS_\w+) = (\d+)", (ROOT / "include" / "packshot.h").read_text()))
        values.update(re.findall(r"#define (CLI_\w+) \(\(enum ps_status\)(\d+)\)", (CLI / "report.h").read_text()))
        return {int(values[code]): name for code, name in re.findall(r'^    \{(\w+), "([\w-]+)"', table, re.M)}

    def calls(self):
        photo, model, words = self.photo(), self.model(), harness.arguments_of("mini")
        bad = self.write("bad.png", b"\x89PNG\r\n\x1a\nno more")
        self.write("photos.csv", b"photo\nbad.png\n")
        render = ["render", photo, "--model", model, *words, "--device", "ref"]
        return {
            harness.OK: ["version", "--json"],
            harness.USAGE: ["render", photo, "--motion", "x", "--json"],
            harness.INPUT: ["render", bad, "--model", model, "-o", "a.mp4", "--json"],
            harness.CHECKPOINT: ["inspect", bad, "--json"],
            harness.DEVICE: ["render", photo, "--model", model, "-o", "a.mp4", "--device", "no such device", "--json"],
            harness.MEMORY: [*render, "-o", "a.mp4", "--memory", "4K", "--json"],
            # After one another: the only job fails, and then there is none left.
            SOME_FAILED: ["batch", "photos.csv", "--out", "out", "--model", model, *words, "--device", "ref", "--json"],
            NOTHING_TO_DO: ["resume", "out", "--fail-if-empty", "--json"],
            harness.OUTPUT: [*render, "-o", "nowhere/a.mp4", "--json"],
        }

    def test_codes_and_names_are_those_documented(self):
        named, documented = self.named(), self.documented()
        self.assertEqual(set(named), documented)
        provoked = set()
        for code, arguments in self.calls().items():
            with self.subTest(code=code):
                event = self.events(self.expect(code, *arguments))[-1]
                if code:
                    self.assertEqual((event["event"], event["status"], event["name"]), ("error", code, named[code]))
                provoked.add(code)
        self.assertEqual(provoked | {harness.CANCELLED} | self.BEYOND_REACH | self.ELSEWHERE, documented)

    def test_every_status_of_the_library_is_documented(self):
        header = (ROOT / "include" / "packshot.h").read_text()
        values = re.findall(r"^    PS_(?:OK|ERR_\w+) = (\d+)", header, re.M)
        self.assertLessEqual({int(value) for value in values}, self.documented())

    def stop_with(self, number):
        """Sends the signal once a long render has begun."""
        arguments = ["render", self.photo(), "-o", "a.mp4", "--model", self.model(), *harness.arguments_of("mini", steps=1000),
                     "--device", "ref", "--json", "--overwrite"]
        process = subprocess.Popen([harness.PROGRAM, *arguments], cwd=self.folder, env=harness.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for line in process.stdout:
            if schema.check(json.loads(line))["event"] == "progress":
                process.send_signal(number)
                break
        last = [schema.check(json.loads(line)) for line in process.stdout][-1]
        process.stdout.close()
        return process.wait(60), last

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                began = time.monotonic()
                code, last = self.stop_with(number)
                self.assertEqual(code, 128 + number)
                self.assertEqual((last["event"], last["status"], last["name"]), ("error", harness.CANCELLED, "cancelled"))
                self.assertLess(time.monotonic() - began, 60)
        self.assertEqual(self.files(), ["photo.png"])


if __name__ == "__main__":
    harness.main()
