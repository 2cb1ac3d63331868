"""The command line: what is refused before anything is started, and what help says."""
import os
import subprocess

import harness
from harness import OK, OUTPUT, USAGE

# Arguments after `render photo.png`, and what the one line must say.
RENDER = [
    (["--widht", "64"], ["--widht", "did you mean --width?", "see packshot help render"]),
    (["--overwrit"], ["did you mean --overwrite?"]),
    (["--qwertz"], ["unknown option --qwertz;"]),
    (["-z"], ["unknown option -z"]),
    (["--json=1"], ["--json takes no value"]),
    (["--quiet=maybe"], ['--quiet: "maybe" is not yes or no']),
    (["--quiet="], ['--quiet: "" is not yes or no']),
    (["--width"], ["--width needs a value"]),
    (["-o"], ["--output needs a value"]),
    (["second.png"], ["second.png"]),
    (["-o", ""], ["--output"]),
    ([], ["--output"]),
    (["--model", "m"], ["--output"]),
    (["--model", "m", "-o", "x.mp4", "--sigmas", "5,3,0", "--steps", "2"], ["--sigmas", "--steps"]),
    (["--model", "m", "-o", "x.mp4", "--sigmas", "5,3,0", "--schedule", "ays"], ["--sigmas", "--schedule"]),
]

# Options that do nothing without another, and those that are not enough for it.
ALONE = [
    (["--crossfade", "1"], "--loop seamless"), (["--crossfade", "1", "--loop", "boomerang"], "--loop seamless"),
    (["--interpolate", "blend"], "--rate or --speed or --duration"), (["--safe", "1.2"], "--deliver"),
    (["--logo-scale", "0.3"], "--logo"), (["--logo-position", "top"], "--logo"), (["--logo-margin", "0"], "--logo"),
    (["--logo-opacity", "0.5"], "--logo"), (["--caption-size", "0.1"], "--caption"), (["--caption-margin", "0.1"], "--caption"),
    (["--caption-position", "top"], "--caption"), (["--caption-colour", "ff0000"], "--caption"),
    (["--caption-font", "f.ttf"], "--caption or --visible-label"), (["--visible-label-position", "top"], "--visible-label"),
    (["--end-card-hold", "1"], "--end-card"), (["--end-card-fade", "1"], "--end-card"),
    (["--fade-colour", "ffffff"], "--fade-in or --fade-out"), (["--pad-colour", "ffffff"], "--fit pad"),
    (["--pad-colour", "ffffff", "--fit", "extend"], "--fit pad"), (["--rerolls", "2"], "--on-fail reroll"),
    (["--sign-timeout", "2"], "--sign-with"),
]

# Option, values that it does not take, and the range that the message must tell.
VALUES = [
    ("--width", ["10x", "-5", "0", "20", "8", "8200", "1e3", "64.0", " 64", "64 ", "", "0x40", "99999999999999999999"],
     ["16 to 8192", "multiple of 8"]),
    ("--height", ["33"], ["16 to 8192", "multiple of 8"]),
    ("--frames", ["0", "1025", "-1", "two"], ["1 to 1024"]),
    ("--fps", ["23,976", "23.976", "0", "121", "nan"], ["1 to 120"]),
    ("--motion", ["-5", "1e400", "NaN", "inf", "-inf", "1024", "5,5", "0x10", "", ".", "1e", "--"], ["0 to 1023"]),
    ("--noise-aug", ["-0.1", "10.01", "none"], ["0 to 10"]),
    ("--steps", ["0", "1001", "2.5"], ["1 to 1000"]),
    ("--guidance", ["3", "1:", ":3", "0:3", "1:101", "1:2:3", "1-3", "nan:1"], ["0.01 to 100"]),
    ("--seed", ["-1", "18446744073709551616", "7a"], ["18446744073709551615"]),
    ("--crf", ["0", "101", "17.5"], ["1 to 100"]),
    ("--rate", ["0", "24.0", "24/0", "24000/", "/1001", "241", "1/2", "23.97", "1e1", "x"], ["1 to 240", "24000/1001"]),
    ("--size", ["1920", "1920x", "x1080", "1920*1080", "15x16", "16x8193", "0x0", "64x48x2", "-64x48"], ["16 to 8192"]),
    ("--speed", ["0", "0.05", "11", "2x", "nan"], ["0.1 to 10"]),
    ("--loop", ["", "Boomerang", "pingpong"], ["boomerang", "seamless"]),
    ("--logo-position", ["middle", "top-centre"], ["top-left", "bottom-right"]),
    ("--codec", ["h.264", "libx264", "prores"], ["prores-422hq", "webp"]),
    ("--caption", [""], ["a text of one character or more"]),
    ("--caption-colour", ["fff", "#ffffff"], ["hexadecimal"]),
    ("--decode-chunk", ["0", "-1", "all", "AUTO"], ["auto", "1 to 1024"]),
    ("--memory", ["0", "-1", "1.5G", "10X", "1GB", "G", "99999999999G", ""], ["K, M or G"]),
    ("--sigmas", ["700", "a,b", "7,,0", "7,0,", "-1,0", "nan,0", "1e400,0"], ["numbers"]),
    ("--background", ["fff", "red", "0xffff", "#ffffff", "ggffff", "fffffff", "ffffff:", ":000000", "ffffff:fff", "blurr"],
     ["hexadecimal", "blur"]),
    ("--sandbox", ["on", "none"], ["auto, strict or off"]),
    ("--fit", ["fill", "Crop", ""], ["crop, stretch, pad or extend"]),
    ("--focus", ["0.5", "0.5:", "0.5:1.1", "-0.1:0", "0,5:0,5", "centre", "Auto", "nan:0", ""], ["auto", "0 to 1"]),
    ("--pad-colour", ["black", "#000000"], ["hexadecimal"]),
    ("--schedule", ["linear"], ["karras or ays"]),
    ("--rng", ["torch"], ["philox or torch-cpu"]),
    ("--dtype", ["fp16", "F32"], ["f32, f16 or bf16"]),
    ("--deliver", ["16:9,", ",1:1", "16:9,16:9", "16:9,4x4", "square", "0:1", "101:1", "9:1", "1:1,72x72,72x72", "17x16", "8194x16", "14x16",
                   "1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1,1:2", "16:9x", ""], ["16:9", "1080x1350"]),
    ("--safe", ["-1", "2.1", "all"], ["0 to 2"]),
    ("--candidates", ["0", "1", "65", "two"], ["2 to 64"]),
    ("--draft", ["0", "1001", "-1"], ["1 to 1000"]),
    ("--on-fail", ["retry", ""], ["report or reroll"]),
    ("--rerolls", ["0", "100", "-1"], ["1 to 99"]),
    ("--threads", ["0", "-1", "1025"], ["1 to 1024"]),
]


class Usage(harness.Case):
    def one_line(self, arguments, words):
        result = self.packshot(*arguments)
        told = result.stderr.decode()
        self.assertEqual(result.returncode, USAGE, arguments)
        self.assertEqual(result.stdout, b"", arguments)
        self.assertEqual(told.count("\n"), 1, told)
        self.assertTrue(told.startswith("packshot: error: "), told)
        for word in words:
            self.assertIn(word, told)

    def test_render_is_refused_with_one_line(self):
        photo = self.photo()
        for arguments, words in RENDER:
            with self.subTest(arguments=arguments):
                self.one_line(["render", photo, *arguments], words)
        self.one_line(["render"], ["PHOTO", "see packshot help render"])
        self.assertEqual(self.files(), ["photo.png"])

    def test_what_does_nothing_alone_is_refused(self):
        for arguments, needs in ALONE:
            with self.subTest(arguments=arguments):
                self.one_line(["render", "photo.png", "-o", "x.mp4", *arguments], ["%s does nothing without %s;" % (arguments[0], needs)])

    def test_a_file_may_set_it_for_those_who_give_the_other(self):
        """Then it gets as far as the photo, which is missing; and so it does where the file has the other."""
        self.write("packshot.ini", b"[render]\nlogo-scale = 0.3\nrerolls = 2\nloop = seamless\n")
        for more in ([], ["--crossfade", "0.2"], ["--end-card", "card.png", "--end-card-hold", "1"], ["--fade-out", "1", "--fade-colour", "ffffff"]):
            self.expect(harness.INPUT, "render", "photo.png", "-o", "x.mp4", "--model", "m", *more, says="no such photo")
        self.expect(USAGE, "render", "photo.png", "-o", "x.mp4", "--loop", "none", "--crossfade", "1", says="--loop seamless")

    def test_values_are_read_whole(self):
        for option, values, words in VALUES:
            for value in values:
                with self.subTest(option=option, value=value):
                    self.one_line(["render", "photo.png", option, value], [option, '"%s"' % value, *words])

    def test_other_commands(self):
        for arguments, words in [
            ([], ["no command", "packshot help"]),
            (["rendr"], ["did you mean render?", "see packshot help"]),
            (["devcies"], ["did you mean devices?"]),
            (["frobnicate"], ["unknown command"]),
            (["devices", "all"], ["all"]),
            (["devices", "--jsn"], ["did you mean --json?"]),
            (["doctor", "-x"], ["-x"]),
            (["inspect"], ["PATH"]),
            (["inspect", "a", "b"], ["b"]),
            (["presets", "shwo"], ["shwo", "see packshot help presets"]),
            (["presets", "show"], ["presets show needs a PRESET"]),
            (["presets", "check", "a", "b"], ["b"]),
            (["config", "--jsn"], ["did you mean --json?"]),
            (["help", "presets", "show", "twice"], ["one command"]),
            (["help", "rendr"], ["did you mean render?"]),
            (["help", "render", "twice"], ["one command"]),
            (["version", "please"], ["version"]),
        ]:
            with self.subTest(arguments=arguments):
                self.one_line(arguments, words)

    def test_numbers_do_not_depend_on_the_locale(self):
        for locale in ["C", "de_DE.UTF-8", "nonsense"]:
            changes = {"LC_ALL": locale, "LANG": locale}
            self.expect(USAGE, "render", "p.png", "--motion", "1,5", says="0 to 1023", env=changes)
            result = self.expect(harness.INPUT, "render", "p.png", "-o", "c.mp4", "--model", "m", "--motion", "1.5", env=changes)
            self.assertIn(b"p.png", result.stderr)

    def test_errors_are_events_too(self):
        events = self.events(self.expect(USAGE, "render", "p.png", "--json", "--motion", "5x"))
        self.assertEqual([event["event"] for event in events], ["error"])
        self.assertEqual(events[0]["status"], USAGE)
        self.assertEqual(events[0]["id"], "usage.value")
        self.assertIn("5x", events[0]["message"])

    def test_terminal_escapes_are_shown_not_sent(self):
        for arguments in [["\x1b[31mred"], ["render", "\x1b]0;title\x07.png", "-o", "c.mp4", "--model", "m"],
                          ["render", "p.png", "--\x1b[2J"], ["render", "p.png", "--fit", "\u009b31m\x7f"],
                          ["inspect", b"\xff\xfe\x1b"]]:
            result = self.packshot(*arguments)
            self.assertNotEqual(result.returncode, OK)
            for byte in result.stderr.replace(b"\n", b""):
                self.assertTrue(0x20 <= byte < 0x7f, result.stderr)


class Help(harness.Case):
    def test_every_option_is_explained(self):
        for command in harness.commands():
            words = command.split()
            text = self.expect(OK, "help", *words).stdout.decode()
            self.assertEqual(text, self.expect(OK, *words, "--help").stdout.decode())
            self.assertEqual(text, self.expect(OK, *words, "-h").stdout.decode())
            self.assertIn("usage: packshot " + command, text)
            self.assertLessEqual(max(map(len, text.splitlines())), 110)
        text = self.expect(OK, "help", "render").stdout.decode()
        for option in ["--output", "--model", "--unet", "--background", "--validate", "--taps-in", *(row[0] for row in VALUES)]:
            self.assertIn(option + " ", text)

    def test_works_without_a_device(self):
        changes = dict(harness.NO_VULKAN, HOME=None, PATH=None)
        for arguments in [["help"], ["--help"], ["-h"], ["--version"], ["version"], ["help", "render"]]:
            self.assertTrue(self.expect(OK, *arguments, env=changes).stdout)

    def test_exit_codes_are_listed(self):
        text = self.expect(OK, "help").stdout.decode()
        for code in (0, 1, 2, 4, 5, 6, 7, 8, 9, 75, 130):
            self.assertIn(str(code), text)


class Streams(harness.Case):
    def test_full_standard_output_is_an_error(self):
        for arguments in [["help"], ["help", "render"], ["--version"], ["devices"], ["devices", "--json"],
                          ["inspect", self.model()], ["doctor", "--json"]]:
            with self.subTest(arguments=arguments), open("/dev/full", "wb") as full:
                self.expect(OUTPUT, *arguments, stdout=full, says="standard output cannot be written")

    def test_closed_standard_output_is_an_error(self):
        result = subprocess.run([harness.PROGRAM, "devices"], stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
        self.assertEqual(result.returncode, OUTPUT, result.stderr)

    def test_a_reader_that_left_is_not_reported(self):
        read, write = os.pipe()
        os.close(read)
        result = self.packshot("help", "render", stdout=write)
        os.close(write)
        self.assertEqual((result.returncode, result.stderr), (OUTPUT, b""))


class Machine(harness.Case):
    def test_devices_begin_with_what_device_takes(self):
        lines = self.expect(OK, "devices").stdout.decode().splitlines()
        devices = self.events(self.expect(OK, "devices", "--json"))
        self.assertEqual([line.split()[0] for line in lines], [device["selector"] for device in devices])
        self.assertEqual(devices[-1]["selector"], "ref")
        self.assertTrue(devices[-1]["usable"])

    def test_without_a_driver_the_processor_is_left(self):
        result = self.expect(OK, "devices", env=harness.NO_VULKAN)
        names = [line.split()[0] for line in result.stdout.decode().splitlines()]
        self.assertEqual(names, ["cpu", "ref"])
        self.assertIn(b"Vulkan", result.stderr)

    def test_doctor_tells_and_cures(self):
        result = self.packshot("doctor")
        self.assertIn(result.returncode, (OK, harness.DEVICE))
        for line in result.stdout.decode().splitlines():
            self.assertIn(line.split()[0] if line[0] != " " else "cure", ("ok", "warn", "fail", "cure"))
        checks = self.events(self.packshot("doctor", "--json"))
        failed = [check for check in checks if check["verdict"] == "fail"]
        self.assertEqual(bool(failed), result.returncode == harness.DEVICE)
        for check in checks:
            self.assertTrue(check["finding"])
        self.assertEqual(self.files(), [])

    def test_doctor_tells_of_a_missing_driver(self):
        result = self.packshot("doctor", env=harness.NO_VULKAN)
        self.assertIn(b"warn  vulkan", result.stdout)
        self.assertIn(b"mesa-vulkan-drivers", result.stdout)
        self.assertIn(b"--device auto takes cpu", result.stdout)


if __name__ == "__main__":
    harness.main()
