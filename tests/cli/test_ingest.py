"""Photos as a user gives them: names, kinds, backgrounds, warnings, and the process that decodes them."""
import json
import os
import pathlib
import re
import subprocess

import harness
from harness import DEVICE, INPUT, OK, USAGE
from test_isolation import traceable, whole_calls

DATA = pathlib.Path(__file__).resolve().parent.parent / "media" / "data"
PLAN = ["--device", "ref", "--width", "16", "--height", "16", "--frames", "1", "--steps", "1", "--dry-run"]


class Case(harness.Case):
    def plan(self, code, photo, *arguments, **options):
        return self.expect(code, "render", photo, "--model", self.model(), *PLAN, *arguments, **options)


class Kinds(Case):
    def test_every_kind_is_read(self):
        for name in ("jpeg420.jpg", "jpeg-grey.jpg", "webp-lossy-alpha.webp", "tiff-lzw.tif", "colour/cmyk.jpg", "colour/ycck420.jpg",
                     "colour/inks-deep.tif", "colour/p3-alpha.png", "colour/wide-deep.png", "pngsuite/basn6a16.png"):
            with self.subTest(name=name):
                self.assertNotIn(b"warning", self.plan(OK, str(DATA / name)).stderr)

    def test_what_is_not_read_says_what_to_do(self):
        heic = self.write("x.heic", b"\0\0\0\x18ftypheic" + bytes(40))
        psd = self.write("x.psd", b"8BPS\0\1" + bytes(40))
        gif = self.write("x.gif", b"GIF89a\1\0\1\0" + bytes(40))
        for photo, word in [(DATA / "animated.webp", "animated WebP"), (DATA / "animated.png", "animated PNG"), (gif, "GIF"), (heic, "HEIC"),
                            (psd, "Photoshop"), (DATA / "tiff-pages.tif", "several pages"), (DATA / "tiff-jpeg.tif", "JPEG")]:
            with self.subTest(photo=photo):
                self.plan(INPUT, str(photo), says=[word, "not supported", "export it as PNG, JPEG or TIFF"])

    def test_inks_without_a_profile(self):
        photo = str(DATA / "cmyk.jpg")
        self.plan(INPUT, photo, says=["CMYK", "--assume-cmyk"])
        self.plan(OK, photo, "--assume-cmyk", says="warning: %s: it is CMYK without a colour profile" % photo)
        self.write("packshot-presets/print.ini", b"[preset]\ndescription = scans\n[render]\nassume-cmyk = yes\n")
        self.plan(OK, photo, "--preset", "print", says="it is CMYK without a colour profile")
        self.plan(INPUT, photo, "--preset", "print", "--assume-cmyk=no", says="--assume-cmyk")

    def test_remarks_are_warnings_and_events(self):
        photo = self.write("shoe.png", (DATA / "jpeg420.jpg").read_bytes())
        result = self.plan(OK, photo, "--json", says="warning: %s: it is a JPEG, whatever its name says" % photo)
        warnings = [event for event in self.events(result) if event["event"] == "warning"]
        self.assertEqual(warnings, [{"v": 1, "event": "warning", "photo": photo, "message": "it is a JPEG, whatever its name says"}])
        self.assertEqual(self.plan(OK, photo, "--quiet").stderr, b"")


class Names(Case):
    def test_every_name_is_a_name(self):
        names = [b"sale50%d.png", b"a:b.png", b"http:x.png", b"-x.png", b"--json", b"line\nbreak.png", b"quote\"s' $(id) `id`.png",
                 "gr\u00fcn.png".encode(), "gru\u0308n.png".encode(), b"bytes \xff\xfe.png", b"tab\t\x1b[2J.png", b"n" * 251 + b".png",
                 b"concat:a|b.png", b"pipe:0", b"file:x.png", b"%s%n.png", b" .png"]
        for name in names:
            with self.subTest(name=name):
                path = os.path.join(os.fsencode(self.folder), name)
                with open(path, "wb") as file:
                    file.write(harness.png())
                self.expect(OK, "render", "--model", self.model(), *PLAN, "--", name)
                with open(path, "wb") as file:
                    file.write(b"no photo")
                result = self.expect(INPUT, "render", "--json", "--model", self.model(), *PLAN, "--", name)
                self.assertEqual(self.events(result)[-1]["id"], "image.unknown-type")
                for byte in result.stderr.replace(b"\n", b""):
                    self.assertTrue(byte >= 0x20 and byte != 0x7f, result.stderr)
                os.remove(path)


class Backgrounds(Case):
    def test_each_kind(self):
        photo = str(DATA / "webp-lossless-alpha.webp")
        picture = self.write("studio.png", harness.png())
        for background in ("102030", "102030:ffffff", "blur", picture, "./studio.png", "studio.png"):
            with self.subTest(background=background):
                self.plan(OK, photo, "--background", background)

    def test_without_a_cut_out_it_does_nothing(self):
        """Which is said of the command line alone: a preset is for other photos too."""
        self.plan(OK, self.photo(), "--background", "102030", says=["--background", "no transparent part"])
        self.write("looks/grey.ini", b"[render]\nbackground = 808080\n")
        for photo, more in ((self.photo(), ["--preset", "looks/grey.ini"]), (str(DATA / "webp-lossless-alpha.webp"), ["--background", "blur"])):
            self.assertNotIn(b"transparent", self.plan(OK, photo, *more).stderr)

    def test_the_picture_is_an_input(self):
        picture = self.write("studio.png", harness.png())
        self.plan(INPUT, self.photo(), "--background", "no.png", says="no.png")
        self.plan(INPUT, self.photo(), "--background", self.write("x.png", b"text"), says="x.png")
        self.expect(USAGE, "render", self.photo(), "-o", picture, "--overwrite", "--background", picture, "--model", self.model(), "--device",
                    "ref", says=["studio.png", "input"])

    def test_in_a_preset_it_is_relative_to_the_file(self):
        self.write("looks/studio.png", harness.png())
        self.write("looks/shop.ini", b"[render]\nbackground = studio.png\n")
        self.write("looks/lost.ini", b"[render]\nbackground = nowhere.png\n")
        self.plan(OK, str(DATA / "webp-lossless-alpha.webp"), "--preset", "looks/shop.ini")
        self.plan(INPUT, self.photo(), "--preset", "looks/lost.ini", says=["looks/lost.ini:2", "nowhere.png"])


class Sandbox(Case):
    def test_doctor_tells_what_holds(self):
        checks = {event["check"]: event for event in self.events(self.packshot("doctor", "--json"))}
        self.assertIn("decoded in a process with", checks["sandbox"]["finding"])

    def test_modes(self):
        self.plan(OK, self.photo(), "--sandbox", "off")
        self.plan(OK, self.photo(), "--sandbox", "auto")
        whole = all(word in str(self.packshot("doctor").stdout) for word in ("limits", "seccomp", "Landlock"))
        self.plan(OK if whole else DEVICE, self.photo(), "--sandbox", "strict")

    def test_a_decoder_that_crashes(self):
        if not traceable():
            self.skipTest("strace may not trace here")
        # Only the child makes this call. LeakSanitizer cannot work in a traced process.
        result = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset", "-e",
                                 "inject=landlock_create_ruleset:signal=SIGSEGV", harness.PROGRAM, "render", self.photo(), "--model", self.model(),
                                 "--json", *PLAN], cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=600,
                                env=harness.environment({"ASAN_OPTIONS": "detect_leaks=0"}))
        self.assertEqual(result.returncode, INPUT, result.stderr)
        error = json.loads(result.stdout.decode().splitlines()[-1])
        self.assertEqual((error["event"], error["id"]), ("error", "image.crashed-decoder"))
        self.assertIn("SIGSEGV", error["message"])

    def calls(self, photo):
        """strace's lines of a plan for the photo."""
        log = self.folder / "calls"
        subprocess.run(["strace", "-f", "-s", "4096", "-o", log, "-e", "trace=%file,%network,%process,%desc", harness.PROGRAM, "render", "--model",
                        self.model(), *PLAN, "--", photo], cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=600)
        return list(whole_calls(log.read_text(errors="replace")))

    def test_hostile_photos_reach_nothing(self):
        if not traceable():
            self.skipTest("strace may not trace here")
        canary = self.write("canary.png", harness.png())
        hostile = {
            "list.png": b"ffconcat version 1.0\nfile '%s'\n" % canary.encode(),
            "play.jpg": b"#EXTM3U\n#EXTINF:1,\n%s\nhttp://localhost:9/x.png\n" % canary.encode(),
            "draw.png": b"<svg xmlns='x'><image href='file://%s'/><image href='http://localhost:9/'/></svg>" % canary.encode(),
            "http:localhost:9.png": harness.png()[:60],
            "canary%d.png": harness.png(),
        }
        for name, content in hostile.items():
            with self.subTest(name=name):
                self.write(name, content)
                lines = self.calls(name)
                self.assertTrue(any('"%s"' % name in line and "open" in line for line in lines), name)
                self.assertEqual([line for line in lines if "canary.png" in line and not re.match(r"\d+ +p?read", line)], [])
                self.assertEqual([line for line in lines if re.match(r"\d+ +(socket|connect|sendto|bind)\(", line) and "AF_UNIX" not in line], [])

    def test_the_child_opens_nothing(self):
        if not traceable():
            self.skipTest("strace may not trace here")
        if harness.SANITIZED:
            self.skipTest("the sanitizers' runtime makes calls of its own")
        lines = self.calls(self.photo())
        program = lines[0].split(" ", 1)[0]
        children = {match.group(1) for line in lines if (match := re.match(r"%s +(?:clone|clone3|fork|vfork)\(.*\bflags=.*= (\d+)$" % program, line))
                    and "CLONE_THREAD" not in line}
        self.assertTrue(children, lines[:20])
        for line in lines:
            process, call = line.split(" ", 1)
            if process in children:
                # Its descriptors are closed first; Landlock's own is the one that it makes.
                self.assertRegex(call.strip(), r"^(close_range|close|landlock_\w+|exit_group)\(|^\+\+\+ exited with 0 \+\+\+$")


if __name__ == "__main__":
    harness.main()
