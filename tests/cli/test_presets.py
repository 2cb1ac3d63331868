"""Presets and configuration: every fault with its place, what beats what, and the presets that come with packshot."""
import json
import os
import pathlib
import shutil
import subprocess

import harness
from harness import INPUT, OK, USAGE

SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "presets"

# Codec and frames of the presets whose clip of 3 frames does not become 3 frames of H.264.
FINISHED = {"square-loop": ("h264", 4), "master": ("prores-422hq", 3)}

# Text of bad.ini, then for each problem: line:column, id, what the message says.
FAULTS = [
    # M1: unknown keys
    ("[render]\nwidht = 64\n", [("2:1", "ini.key", 'unknown key "widht"; did you mean "width"?')]),
    ("[render]\nqwertz = 64\n", [("2:1", "ini.key", 'unknown key "qwertz"')]),
    ("[render]\nnoise_aug = 1\nDecode_Chunk = 1\n", [("2:1", "ini.key", 'did you mean "noise-aug"?'), ("3:1", "ini.key", 'did you mean "decode-chunk"?')]),
    ("[preset]\ndescripton = x\n", [("2:1", "ini.key", 'did you mean "description"?')]),
    ("[rendr]\nwidth = 64\n", [("1:1", "ini.section", "unknown section [rendr]; did you mean [render]?")]),
    ("width = 64\n", [("1:1", "ini.section", "width stands before any section")]),
    ("[render]\nmodel = svd\noutput = x.mp4\noverwrite = yes\npreset = hero\n",
     [("2:1", "ini.key", "model may not stand in a preset"), ("3:1", "ini.key", "output may not"),
      ("4:1", "ini.key", "overwrite may not"), ("5:1", "ini.key", "preset may not")]),
    # M2: values
    ("[render]\nwidth = 10x\n", [("2:9", "ini.value", '"10x" is not a whole number from 16 to 8192 that is a multiple of 8')]),
    ("[render]\n  motion =   -5\n", [("2:14", "ini.value", '"-5" is not a number from 0 to 1023')]),
    ("[render]\nmotion = 1e400\nnoise-aug = NaN\nfps = 23,976\nguidance = 1;3\n",
     [("2:10", "ini.value", '"1e400" is not a number from 0 to 1023'), ("3:13", "ini.value", '"NaN" is not a number from 0 to 10'),
      ("4:7", "ini.value", '"23,976" is not a'), ("5:12", "ini.value", '"1;3" is not two numbers from 0.01 to 100')]),
    ("[render]\nsteps = 1001\nseed = 18446744073709551616\nfit = fill\nbackground = #ffffff\nwidth =\n",
     [("2:9", "ini.value", "1 to 1000"), ("3:8", "ini.value", "18446744073709551615"), ("4:7", "ini.value", '"fill" is not crop'),
      ("5:14", "ini.value", '"#ffffff" is not six hexadecimal digits'), ("6:8", "ini.value", '"" is not a whole number')]),
    ("[preset]\nbase =\n", [("2:7", "ini.value", "base: nothing after the =")]),
    # M3: duplicates; loops are further down
    ("[render]\nfps = 7\nsteps = 5\nfps = 8\n", [("4:1", "ini.duplicate", "fps stands here a second time; the first is in line 2")]),
    ("[render]\n[preset]\n[render]\n", [("3:1", "ini.duplicate", "section [render] stands here a second time; the first is in line 1")]),
    # M4: encodings and line ends
    ("\ufeff[render]\r\nwidth = 64 ; pixels\r\n; end\r\n", []),
    ("[render]\nwidth = 64\n".encode("utf-16"), [("1:1", "ini.encoding", "the file is UTF-16")]),
    ("[render]\nwidth = 64\n".encode("utf-16-be"), [("1:1", "ini.encoding", "the file is UTF-16")]),
    ("[preset]\ndescription = für\n".encode("latin-1"), [("2:16", "ini.encoding", "the byte \\xfc is not UTF-8")]),
    ("[render]\nwidth = 64\0\n", [("2:11", "ini.encoding", "the control character \\x00")]),
    ("[preset]\ndescription = \x1b[2J\n", [("2:15", "ini.encoding", "the control character \\x1b")]),
    # syntax
    ("[render]\nwidth\n", [("2:1", "ini.syntax", "neither a section, nor a key with a value, nor a comment")]),
    ("[render\n", [("1:1", "ini.syntax", "the section's name has no ] after it")]),
    ("[render] width = 64\n", [("1:10", "ini.syntax", "more text after the section's name")]),
    # M12: sizes
    ("[render]\nsigmas = " + "1," * 10000 + "0\n", [("2:16385", "ini.too-large", "a line of 20010 bytes; 16384 are the most")]),
    # together, and in the order of the file
    ("[render]\nsteps = 5\nsteps = 6\nmotion = x\nwidht = 5\n[rendr]\n",
     [("3:1", "ini.duplicate", "steps"), ("4:10", "ini.value", "motion"), ("5:1", "ini.key", "widht"), ("6:1", "ini.section", "rendr")]),
]


class Presets(harness.Case):
    def preset(self, name, text):
        return self.write(name, text if isinstance(text, bytes) else text.encode())

    def problems(self, result):
        return [event for event in self.events(result) if event["event"] == "problem"]

    def settings(self, name, *arguments, **options):
        """{key: (value, origin)} of what is set."""
        result = self.expect(OK, "presets", "show", name, "--json", *arguments, **options)
        return {event["key"]: (event["value"], event["origin"]) for event in self.events(result) if event["value"] is not None}

    def test_every_fault_is_told_with_its_place(self):
        for text, faults in FAULTS:
            with self.subTest(text=text[:60]):
                self.preset("bad.ini", text)
                result = self.expect(INPUT if faults else OK, "presets", "check", "bad.ini", "--json")
                problems = self.problems(result)
                self.assertEqual([("%d:%d" % (p["line"], p["column"]), p["id"], p["file"]) for p in problems],
                                 [(place, name, "bad.ini") for place, name, _ in faults])
                lines = self.packshot("presets", "check", "bad.ini").stdout.decode().splitlines()
                for problem, line, (place, name, words) in zip(problems, lines, faults):
                    self.assertIn(words, problem["message"])
                    self.assertTrue(line.startswith("bad.ini:%s: " % place), line)
                    self.assertIn(words, line)
                if faults:
                    place, name, words = faults[0]
                    self.refused_by_render("bad.ini:%s: " % place, name, words)

    def refused_by_render(self, *words):
        """Before anything else: there is no photo."""
        result = self.expect(INPUT, "render", "p.png", "-o", "c.mp4", "--model", "m", "--preset", "bad.ini", "--json", says=words[::2])
        (error,) = self.events(result)
        self.assertEqual(error["id"], words[1])

    def test_reading_ends_after_too_many_problems(self):
        self.preset("bad.ini", "[render]\n" + "".join("k%d = 1\n" % i for i in range(1000)))
        problems = self.problems(self.expect(INPUT, "presets", "check", "bad.ini", "--json"))
        self.assertEqual(len(problems), 64)

    def test_numbers_do_not_depend_on_the_locale(self):
        self.preset("a.ini", "[render]\nmotion = 1.5\n")
        self.preset("b.ini", "[render]\nmotion = 1,5\n")
        for locale in ("C", "de_DE.UTF-8", "nonsense"):
            changes = {"LC_ALL": locale, "LANG": locale}
            self.expect(OK, "presets", "check", "a.ini", env=changes)
            self.expect(INPUT, "presets", "check", "b.ini", env=changes)

    def test_files_that_are_none(self):
        os.mkfifo(self.folder / "pipe.ini")
        (self.folder / "folder.ini").mkdir()
        with open(self.folder / "big.ini", "wb") as file:
            file.truncate(1 << 40)
        with open(self.folder / "line.ini", "wb") as file:
            file.write(b"[render]\nwidth = " + b"1" * 100000)
        (self.folder / "self.ini").symlink_to("self.ini")
        for name, words in [("pipe.ini", "not a regular file"), ("folder.ini", "not a regular file"), ("big.ini", "more than 65536 bytes"),
                            ("line.ini", "more than 65536 bytes"), ("none.ini", "no such file"), ("self.ini", "cannot be read")]:
            with self.subTest(name=name):
                self.expect(INPUT, "presets", "check", name, says=[name, words])
                self.expect(INPUT, "render", "p.png", "-o", "c.mp4", "--model", "m", "--preset", name, says=[name, words])

    def test_bases_are_followed(self):
        self.preset("packshot-presets/a.ini", "[preset]\nbase = b\n[render]\nmotion = 1\n")
        self.preset("packshot-presets/b.ini", "[preset]\nbase = c\n[render]\nmotion = 2\nfps = 2\n")
        self.preset("packshot-presets/c.ini", "[render]\nmotion = 3\nfps = 3\nsteps = 3\n")
        folder = "packshot-presets/"
        expected = {"motion": ("1", folder + "a.ini:4"), "fps": ("2", folder + "b.ini:5"), "steps": ("3", folder + "c.ini:4")}
        self.assertEqual(self.settings("a"), expected)
        self.assertEqual(self.settings("packshot-presets/a.ini"), expected)

    def test_loops_and_depth(self):
        self.preset("packshot-presets/a.ini", "[preset]\nbase = b\n")
        self.preset("packshot-presets/b.ini", "[preset]\n\nbase = a\n")
        self.preset("packshot-presets/own.ini", "[preset]\nbase = own\n")
        (self.folder / "packshot-presets" / "link.ini").symlink_to("a.ini")
        for i in range(9):
            self.preset("packshot-presets/d%d.ini" % i, "[preset]\nbase = d%d\n" % (i + 1) if i < 8 else "")
        for name, place, id_, words in [
            ("a", "b.ini:3:8", "preset.loop", "leads back"),
            ("b", "a.ini:2:8", "preset.loop", "leads back"),
            ("link", "b.ini:3:8", "preset.loop", "leads back"),
            ("own", "own.ini:2:8", "preset.base", 'there is no preset "own"'),
            ("d0", "d7.ini:2:8", "preset.depth", "more than 8"),
        ]:
            with self.subTest(name=name):
                result = self.expect(INPUT, "presets", "check", name, "--json")
                (problem,) = self.problems(result)
                self.assertEqual(problem["id"], id_)
                self.assertIn(words, problem["message"])
                self.assertEqual("%s:%d:%d" % (problem["file"], problem["line"], problem["column"]), "packshot-presets/" + place)
                self.expect(INPUT, "render", "p.png", "-o", "c.mp4", "--model", "m", "--preset", name, says=[place, words])
        self.expect(OK, "presets", "check", "d1")

    def test_a_base_that_cannot_be_used(self):
        (self.folder / "packshot-presets").mkdir()
        (self.folder / "packshot-presets" / "broken.ini").mkdir()
        for base, words in [("hreo", 'base: there is no preset "hreo"; did you mean hero?'), ("hero.ini", "takes the name of a preset"),
                            ("../hero", "takes the name of a preset"), ("..", 'there is no preset ".."'), ("broken", "not a regular file")]:
            with self.subTest(base=base):
                self.preset("packshot-presets/x.ini", "[preset]\nbase = %s\n" % base)
                (problem,) = self.problems(self.expect(INPUT, "presets", "check", "x", "--json"))
                self.assertEqual((problem["line"], problem["column"]), (2, 8))
                self.assertIn(words, problem["message"])

    def test_faults_of_a_base_are_told_in_its_file(self):
        self.preset("packshot-presets/a.ini", "[preset]\nbase = b\n")
        self.preset("packshot-presets/b.ini", "[render]\nmotion = x\n")
        (problem,) = self.problems(self.expect(INPUT, "presets", "check", "a", "--json"))
        self.assertEqual((problem["file"], problem["line"]), ("packshot-presets/b.ini", 2))
        self.expect(INPUT, "presets", "show", "a", says="packshot-presets/b.ini:2:10: motion")

    def test_long_values_are_whole(self):
        sigmas = ",".join("%d.5" % i for i in range(1000, 0, -1)) + ",0"
        self.preset("long.ini", "[render]\nsigmas = %s\n" % sigmas)
        self.assertEqual(self.settings("long.ini"), {"sigmas": (sigmas, "long.ini:2")})
        self.assertIn("sigmas         %s long.ini:2\n" % sigmas, self.expect(OK, "presets", "show", "long.ini").stdout.decode())

    def test_paths_do_not_leave_the_folder(self):
        """M8. A picture for the background is named in looks/a.ini."""
        self.write("looks/desk.png", harness.png())
        self.write("looks/%00.png", harness.png())
        self.write("other.png", harness.png())
        (self.folder / "looks" / "out.png").symlink_to("../other.png")
        (self.folder / "looks" / "in.png").symlink_to("desk.png")
        for value, words in [("desk.png", None), ("./desk.png", None), ("in.png", None), ("%00.png", None), ("../other.png", "outside the folder"),
                             ("../looks/desk.png", "outside the folder"), (str(self.folder / "looks/desk.png"), "outside the folder"),
                             ("/etc/passwd", "outside the folder"), ("../../../etc/passwd", "outside the folder"), ("out.png", "outside the folder"),
                             ("~/desk.png", "begins with ~"), ("none.png", "is not there")]:
            with self.subTest(value=value):
                self.preset("looks/a.ini", "[render]\n\n\nbackground =  %s\n" % value)
                if not words:
                    self.assertEqual(self.settings("looks/a.ini"), {"background": ("looks/" + value, "looks/a.ini:4")})
                    continue
                (problem,) = self.problems(self.expect(INPUT, "presets", "check", "looks/a.ini", "--json"))
                self.assertEqual((problem["id"], problem["file"], problem["line"], problem["column"]), ("ini.path", "looks/a.ini", 4, 15))
                self.assertIn(words, problem["message"])
                self.expect(INPUT, "render", "p.png", "-o", "c.mp4", "--model", "m", "--preset", "looks/a.ini", says=["looks/a.ini:4:15", words])

    def test_unknown_presets(self):
        self.expect(INPUT, "render", "p.png", "-o", "c.mp4", "--model", "m", "--preset", "hreo", says=['"hreo"', "did you mean hero?", "packshot presets"])
        self.expect(INPUT, "presets", "show", "qwertz", says='there is no preset "qwertz"')

    def test_options_that_exclude_each_other(self):
        self.preset("both.ini", "[render]\nsteps = 2\nsigmas = 5,3,0\n")
        self.expect(INPUT, "presets", "check", "both.ini", says=["both.ini:2", "steps", "sigmas", "both.ini:3", "exclude"])
        self.preset("steps.ini", "[preset]\nbase = sigmas\n[render]\nsteps = 2\n")
        self.preset("sigmas.ini", "[render]\nsigmas = 5,3,0\n")
        self.assertEqual(self.settings("steps.ini"), {"steps": ("2", "steps.ini:4")})

    def test_what_is_listed(self):
        self.preset("packshot-presets/hero.ini", "[preset]\ndescription = ours\nbase = hero\n[render]\nmotion = 9\n")
        self.preset("packshot-presets/broken.ini", "[render]\nwidht = 9\n")
        self.preset("user/packshot/presets/mine.ini", "[preset]\ndescription = mine\n")
        changes = {"XDG_CONFIG_HOME": str(self.folder / "user")}
        listed = {event["name"]: event for event in self.events(self.expect(OK, "presets", "--json", env=changes))}
        self.assertEqual((listed["hero"]["place"], listed["hero"]["hides"], listed["hero"]["description"]), ("project", 1, "ours"))
        self.assertEqual((listed["mine"]["place"], listed["mine"]["usable"]), ("user", True))
        self.assertEqual((listed["broken"]["place"], listed["broken"]["usable"]), ("project", False))
        self.assertEqual({name for name, event in listed.items() if event["place"] == "shipped" or event["hides"]},
                         {path.stem for path in SHIPPED.glob("*.ini")})
        lines = self.expect(OK, "presets", env=changes).stdout.decode().splitlines()
        self.assertIn("broken           project  not usable: packshot-presets/broken.ini:2:1: unknown key", "\n".join(lines))
        # The one that it hides.
        self.assertEqual(self.settings("hero")["noise-aug"][1].split("/")[-2:][0], "presets")

    def test_places_from_strong_to_weak(self):
        places = {"packshot-presets": "project", "user/packshot/presets": "user", "system/presets": "system"}
        changes = {"XDG_CONFIG_HOME": str(self.folder / "user"), "PACKSHOT_SYSTEM_CONFIG": str(self.folder / "system")}
        for folder, place in places.items():
            self.preset(folder + "/hero.ini", "[preset]\ndescription = %s\n" % place)
        for folder, place in places.items():
            (hero,) = [event for event in self.events(self.expect(OK, "presets", "--json", env=changes)) if event["name"] == "hero"]
            self.assertEqual((hero["place"], hero["description"]), (place, place))
            (self.folder / folder / "hero.ini").unlink()
        (hero,) = [event for event in self.events(self.expect(OK, "presets", "--json", env=changes)) if event["name"] == "hero"]
        self.assertEqual(hero["place"], "shipped")

    def test_a_base_does_not_depend_on_the_current_folder(self):
        self.preset("packshot-presets/b.ini", "[render]\nmotion = 1\n")
        self.preset("user/packshot/presets/a.ini", "[preset]\nbase = b\n")
        self.preset("user/packshot/presets/b.ini", "[render]\nmotion = 2\n")
        changes = {"XDG_CONFIG_HOME": str(self.folder / "user")}
        self.assertEqual(self.settings("a", env=changes)["motion"][0], "2")
        (self.folder / "user/packshot/presets/b.ini").unlink()
        self.expect(INPUT, "presets", "check", "a", env=changes)

    def test_home_is_the_users_place_without_xdg(self):
        self.preset("home/.config/packshot/presets/mine.ini", "")
        for changes in ({"XDG_CONFIG_HOME": None}, {"XDG_CONFIG_HOME": ""}, {"XDG_CONFIG_HOME": "relative"}):
            self.expect(OK, "presets", "check", "mine", env={**changes, "HOME": str(self.folder / "home")})
            self.expect(INPUT, "presets", "check", "mine", env={**changes, "HOME": None})


class Config(harness.Case):
    """packshot.ini and variables."""

    def setUp(self):
        super().setUp()
        self.places = {"XDG_CONFIG_HOME": str(self.folder / "user"), "PACKSHOT_SYSTEM_CONFIG": str(self.folder / "system")}

    def config(self, **changes):
        result = self.expect(OK, "config", "--json", env={**self.places, **changes})
        return {event["key"]: (event["value"], event["origin"]) for event in self.events(result)}

    def test_strong_beats_weak(self):
        """Each layer sets what all stronger ones set too, and one more."""
        keys = ["seed", "motion", "fps", "steps", "crf"]
        for i, name in enumerate(["system/packshot.ini", "user/packshot/packshot.ini", "packshot.ini"]):
            self.write(name, ("[render]\n" + "".join("%s = %d\n" % (key, i + 1) for key in keys[: 5 - i])).encode())
        self.write("a.ini", b"[render]\nseed = 4\nmotion = 4\n")
        changes = {**self.places, "PACKSHOT_SEED": "5", "PACKSHOT_CRF": "6"}
        self.assertEqual({key: value for key, (value, _) in self.config(PACKSHOT_SEED="5", PACKSHOT_CRF="6").items()},
                         {"seed": "5", "crf": "6", "steps": "2", "fps": "3", "motion": "3"})
        self.assertEqual(self.config()["steps"][1], str(self.folder / "user/packshot/packshot.ini") + ":5")
        self.assertEqual(self.config()["fps"][1], "packshot.ini:4")
        self.assertEqual(self.config(PACKSHOT_SEED="5")["seed"][1], "PACKSHOT_SEED")
        result = self.expect(OK, "render", self.photo(), "--model", self.model(), "--width", "64", "--height", "64", "--frames", "2",
                             "--preset", "a.ini", "--dry-run", "--json", "--device", "cpu", env=changes)
        params = self.events(result)[0]["params"]
        self.assertEqual({key: params[key] for key in ("seed", "motion", "fps", "steps")}, {"seed": "5", "motion": 4.0, "fps": 3, "steps": 2})
        result = self.expect(OK, "render", self.photo(), "--model", self.model(), "--width", "64", "--height", "64", "--frames", "2", "--seed", "9",
                             "--preset", "a.ini", "--dry-run", "--json", "--device", "cpu", env=changes)
        self.assertEqual(self.events(result)[0]["params"]["seed"], "9")

    def test_presets_named_by_a_layer(self):
        """The command line names it, else the variable, else packshot.ini."""
        for name in "abc":
            self.write("packshot-presets/%s.ini" % name, b"[render]\nmotion = %d\n" % (ord(name) - 96))
        self.write("packshot.ini", b"[render]\npreset = a\nmotion = 100\n")
        call = ["render", self.photo(), "--model", self.model(), "--width", "64", "--height", "64", "--frames", "2", "--dry-run", "--json", "--device", "cpu"]
        for more, changes, motion in [([], {}, 1), ([], {"PACKSHOT_PRESET": "b"}, 2), (["--preset", "c"], {"PACKSHOT_PRESET": "b"}, 3)]:
            self.assertEqual(self.events(self.expect(OK, *call, *more, env=changes))[0]["params"]["motion"], motion)
        self.write("packshot.ini", b"[render]\npreset = ../a.ini\n")
        self.expect(INPUT, *call[:-3], says=["packshot.ini:2", "not the name of a preset"])

    def test_faults_are_told_with_their_place(self):
        self.write("packshot.ini", b"[render]\nwidht = 5\noutput = x.mp4\n[preset]\n")
        result = self.expect(INPUT, "config", "--json")
        self.assertEqual([(event["id"], event.get("line")) for event in self.events(result)],
                         [("ini.key", 2), ("ini.key", 3), ("ini.section", 4), ("config.problems", None)])
        self.expect(INPUT, "render", "p.png", "-o", "c.mp4", "--model", "m", says=["packshot.ini:2:1: unknown key", "packshot config"])
        self.expect(OK, "help", "render")
        self.expect(OK, "render", "--help")

    def test_variables(self):
        self.expect(USAGE, "config", env={"PACKSHOT_WIDTH": "10x"}, says=["PACKSHOT_WIDTH", '"10x"', "16 to 8192"])
        self.expect(USAGE, "render", "p.png", "-o", "c.mp4", "--model", "m", env={"PACKSHOT_QUIET": "1"}, says=["PACKSHOT_QUIET", "yes or no"])
        for name in ("PACKSHOT_WIDHT", "PACKSHOT_OUTPUT"):
            self.assertIn(name.encode() + b" sets no option", self.expect(OK, "config", env={name: "x"}).stderr)
        result = self.expect(OK, "config", env={"PACKSHOT_NOISE_AUG": "0.5", "PACKSHOT_SEED": ""})
        self.assertEqual((result.stdout, result.stderr), (b"noise-aug = 0.5\n", b""))

    def test_a_project_cannot_open_the_sandbox_or_run_a_program(self):
        for line in (b"sandbox = off", b"sign-with = sign"):
            self.write("packshot.ini", b"[render]\n" + line + b"\n")
            self.write("sign", b"#!/bin/sh\n")
            problem = self.events(self.expect(INPUT, "config", "--json"))[0]
            self.assertEqual((problem["id"], problem["line"]), ("ini.key", 2))
            self.assertIn("others may have written", problem["message"])
            (self.folder / "packshot.ini").unlink()
            self.write("user/packshot/packshot.ini", b"[render]\n" + line + b"\n")
            self.assertEqual(len(self.config()), 1)

    def test_flags_are_taken_back(self):
        self.write("packshot.ini", b"[render]\nquiet = yes\n")
        call = ["render", self.photo(), "--model", self.model(), "--width", "64", "--height", "64", "--frames", "2", "--dry-run", "--device", "cpu"]
        for more, quiet in ([], True), (["--quiet=no"], False), (["--quiet=yes"], True), (["-q"], True), (["--quiet=no", "-q"], True):
            self.assertEqual(not self.expect(OK, *call, *more).stderr, quiet, more)
        self.assertTrue(self.expect(OK, *call, env={"PACKSHOT_QUIET": "no"}).stderr)

    def test_paths_belong_to_their_file(self):
        """Those of a project stay in its folder: M8."""
        self.write("user/packshot/packshot.ini", b"[render]\nmodel = models/svd\nunet = /models/fine\n")
        self.assertEqual(self.config()["model"][0], str(self.folder / "user/packshot/models/svd"))
        self.assertEqual(self.config()["unet"][0], "/models/fine")
        (self.folder / "models" / "svd").mkdir(parents=True)
        (self.folder / "out").symlink_to("/etc")
        # A folder whose name begins as that of the file's own.
        beside = self.folder.with_name(self.folder.name + "-beside")
        beside.mkdir()
        self.addCleanup(beside.rmdir)
        (self.folder / "beside").symlink_to(beside)
        (self.folder / "models" / "%00").mkdir()
        for value, words in [("models/svd", None), ("models/%00", None), ("./models", None), ("../..", "outside the folder"), ("models/../models", "outside the folder"),
                             ("../../etc/passwd", "outside the folder"), ("/etc/passwd", "outside the folder"), ("out/passwd", "outside the folder"),
                             ("out", "outside the folder"), ("beside", "outside the folder"), ("~/svd", "begins with ~"), ("%00", "is not there"), ("none", "is not there"),
                             ("models/svd/x" + "x" * 5000, "too long")]:
            with self.subTest(value=value[:40]):
                self.write("packshot.ini", b"[render]\n\nmodel = %s\n" % value.encode())
                if not words:
                    self.assertEqual(self.config()["model"], ("./" + value, "packshot.ini:3"))
                    continue
                problem = self.events(self.expect(INPUT, "config", "--json"))[0]
                self.assertEqual((problem["id"], problem["file"], problem["line"], problem["column"]), ("ini.path", "packshot.ini", 3, 9))
                self.assertIn(words, problem["message"])


class Shipped(harness.Case):
    def presets(self):
        return sorted(path.stem for path in SHIPPED.glob("*.ini"))

    def test_there_are_those_that_are_promised(self):
        for name in ("hero", "lively", "still-life", "social-vertical", "square-loop", "draft", "master"):
            self.assertIn(name, self.presets())
        for event in self.events(self.expect(OK, "presets", "--json")):
            self.assertTrue(event["usable"], event)
            self.assertTrue(event["description"], event)
            self.assertLessEqual(len(event["description"]), 80)

    def test_each_renders(self):
        """At the size and length of a toy model; all else as the preset has it."""
        photo = self.photo()
        for name in self.presets():
            with self.subTest(preset=name):
                shown = {event["key"]: event["value"] for event in self.events(self.expect(OK, "presets", "show", name, "--json"))}
                clip = name + (".mov" if name == "master" else ".mp4")
                result = self.expect(OK, "render", photo, "-o", clip, "--model", self.model(), "--device", "cpu", "--preset", name,
                                     "--width", "64", "--height", "48", "--frames", "3", "--steps", "2", "--json")
                events = self.events(result)
                (plan,) = [event for event in events if event["event"] == "plan"]
                for key, default in (("motion", "127"), ("noise-aug", "0.02")):
                    self.assertAlmostEqual(plan["params"][key.replace("-", "_")], float(shown[key] or default), places=6)
                self.assertGreater((self.folder / clip).stat().st_size, 500)
                saved = [event for event in events if event["event"] == "summary"][0]["saved"]
                codec, frames = FINISHED.get(name, ("h264", 3))
                self.assertEqual((saved["codec"], saved["frames"]), (codec, frames))

    def test_a_master_is_no_mp4(self):
        self.expect(USAGE, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), "--preset", "master", "--device", "cpu",
                    says=["clip.mp4", "ProRes 422 HQ", ".mov"])

    def test_sizes_are_of_the_named_shape(self):
        for name, width, height in (("social-vertical", 9, 16), ("square-loop", 1, 1), ("draft", 16, 9)):
            shown = {event["key"]: event["value"] for event in self.events(self.expect(OK, "presets", "show", name, "--json"))}
            self.assertEqual(int(shown["width"]) * height, int(shown["height"]) * width, name)

    def test_they_are_found_after_installation(self):
        """A copy of the program and its share folder, as cmake --install lays them out."""
        (self.folder / "usr" / "bin").mkdir(parents=True)
        program = shutil.copy(harness.PROGRAM, self.folder / "usr" / "bin" / "packshot")
        shutil.copytree(SHIPPED, self.folder / "usr" / "share" / "packshot" / "presets")
        told = subprocess.run([program, "presets", "--json"], capture_output=True, check=True, env=harness.environment())
        files = [json.loads(line)["file"] for line in told.stdout.splitlines()]
        self.assertEqual(sorted(files), [os.path.realpath(self.folder / "usr/share/packshot/presets" / (name + ".ini")) for name in self.presets()])


if __name__ == "__main__":
    harness.main()
