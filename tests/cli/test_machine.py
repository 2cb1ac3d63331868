"""What the program says about itself and the machine: version and doctor."""
import os
import pathlib
import re
import shutil
import subprocess
import time
import unittest

import harness
from harness import DEVICE, OK

ROOT = pathlib.Path(__file__).resolve().parents[2]


def in_own_mounts(command, **options):
    """Runs a shell command that may mount, where this user can; else None."""
    if os.geteuid() or not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        return None
    return subprocess.run(["unshare", "-m", "sh", "-ec", command], capture_output=True, stdin=subprocess.DEVNULL, timeout=120, **options)


class Version(harness.Case):
    def version(self):
        return re.search(r'#define PS_VERSION "(.*)"', (ROOT / "include" / "packshot.h").read_text()).group(1)

    def test_short(self):
        for arguments in (["version"], ["--version"], ["-V"]):
            self.assertEqual(self.expect(OK, *arguments).stdout.decode(), "packshot %s\n" % self.version())

    def test_verbose(self):
        text = self.expect(OK, "--version", "--verbose").stdout.decode()
        self.assertEqual(text, self.expect(OK, "version", "--verbose").stdout.decode())
        (event,) = self.events(self.expect(OK, "version", "--json"))
        self.assertEqual(event["version"], self.version())
        found = {part["name"]: part["version"] for part in event["components"]}
        for name in ("libpng", "zlib", "lcms2", "FFmpeg", "libavcodec", "libavfilter", "libavformat", "libavutil", "freetype", "openssl", "jansson",
                     "sqlite"):
            self.assertRegex(found[name], r"^\d+\.\d+", name)
            self.assertRegex(text, r"(?m)^%s  +%s$" % (name, re.escape(found[name])))
        for word in ("revision", "compiler", "build", "vulkan loader", "instruction sets", "device", "sandbox"):
            self.assertRegex(text, r"(?m)^%s  +\S" % word)
        self.assertEqual([device["selector"] for device in event["devices"]], [d["selector"] for d in self.events(self.packshot("devices", "--json"))])

    def test_libraries_are_those_that_are_loaded(self):
        """By the packages that the program's libraries are files of."""
        if not shutil.which("dpkg-query"):
            self.skipTest("no dpkg")
        (event,) = self.events(self.expect(OK, "version", "--json"))
        found = {part["name"]: part["version"] for part in event["components"]}
        for name, package in (("libpng", "libpng16-16"), ("jansson", "libjansson4"), ("openssl", "libssl3"), ("sqlite", "libsqlite3-0"), ("FFmpeg", "libavcodec59")):
            told = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True).stdout.decode()
            if told:
                upstream = re.sub(r"^\d+:", "", told)
                self.assertTrue(upstream.startswith(found[name].split("-")[0]), (name, found[name], told))

    def test_revision_is_that_of_the_clone(self):
        (event,) = self.events(self.expect(OK, "version", "--json"))
        if not shutil.which("git"):
            self.skipTest("no git")
        revision = re.sub("-dirty$", "", event["revision"] or "none")
        known = subprocess.run(["git", "-C", ROOT, "cat-file", "-t", revision], capture_output=True)
        if (ROOT / ".git").exists() and not subprocess.run(["git", "-C", ROOT, "status"], capture_output=True).returncode:
            self.assertEqual(known.stdout, b"commit\n", revision)
        else:
            self.assertIsNone(event["revision"])

    def told(self, source, revision=""):
        """What the build writes for the program, None where it fails."""
        out = self.folder / "revision.inc"
        result = subprocess.run(["cmake", f"-DSOURCE={source}", f"-DOUTPUT={out}", f"-DREVISION={revision}", "-P",
                                 ROOT / "pipeline" / "cli" / "revision.cmake"], capture_output=True)
        return None if result.returncode else out.read_text().split(" = ")[1]

    @unittest.skipUnless(shutil.which("cmake"), "no cmake")
    def test_revision_of_sources_that_are_no_clone(self):
        self.assertEqual(self.told(self.folder), "NULL;\n")
        self.assertEqual(self.told(self.folder, "0123abcd-dirty"), '"0123abcd-dirty";\n')
        self.assertEqual(self.told(ROOT, "0123abcd"), '"0123abcd";\n')
        self.assertIsNone(self.told(self.folder, 'x"'))

    def test_without_a_loader(self):
        (event,) = self.events(self.expect(OK, "version", "--json", env=harness.NO_VULKAN))
        self.assertEqual([device["selector"] for device in event["devices"]], ["cpu", "ref"])


class Doctor(harness.Case):
    def checks(self, result):
        """Its lines, each of which has a cure where it is not fine, and none where it is."""
        events = self.events(result)
        for event in events:
            self.assertEqual(event["verdict"] == "ok", event["cure"] == "", event)
            self.assertTrue(event["finding"], event)
        self.assertEqual(any(event["verdict"] == "fail" for event in events), result.returncode == DEVICE)
        return {event["check"]: event for event in events}

    def doctor(self, *arguments, **options):
        return self.checks(self.packshot("doctor", *arguments, "--json", **options))

    def test_looks_at_all_of_it(self):
        self.assertLessEqual({"vulkan", "device", "memory", "folder", "disk", "filesystem", "encoder", "codecs", "font", "settings", "model",
                              "sandbox", "libpng", "clock", "inotify"}, set(self.doctor()))
        self.assertEqual(self.files(), [])

    def test_text_has_the_cures(self):
        lines = self.packshot("doctor", str(self.folder / "missing")).stdout.decode().splitlines()
        for line, after in zip(lines, lines[1:] + [""]):
            if not line.startswith(" "):
                self.assertEqual(line.split()[0] != "ok", after.startswith(" " * 18), line)

    def test_folder_that_is_not_there(self):
        found = self.doctor(str(self.folder / "missing"))
        self.assertEqual((found["folder"]["verdict"], found["disk"]["verdict"]), ("fail", "warn"))
        self.assertEqual(found["encoder"]["verdict"], "ok", "they are looked for elsewhere")

    def test_room_and_file_system_are_the_folders(self):
        result = in_own_mounts("mkdir clips; mount -t tmpfs -o size=64k none clips; %s doctor clips --json" % harness.PROGRAM,
                               cwd=self.folder, env=harness.environment())
        if not result:
            self.skipTest("mounts are not permitted here")
        found = self.checks(result)
        self.assertEqual((found["disk"]["verdict"], found["filesystem"]["verdict"]), ("warn", "warn"))
        self.assertIn("64.0 KiB", found["disk"]["finding"])
        self.assertIn("tmpfs", found["filesystem"]["finding"])

    def test_patch_level_of_libpng(self):
        for version, verdict in (("1.6.39-2", "warn"), ("1.6.39-2+deb12u5", "warn"), ("1.6.39-2+deb12u6", "ok"), ("1.6.39-2+deb12u10", "ok"),
                                 ("1.6.58-1", "ok"), ("1.6.9-1", "warn")):
            status = self.write("status", b"Package: libpng16-16-udeb\nStatus: install ok installed\nVersion: 9\n\nPackage: libpng16-16\n"
                                b"Status: install ok installed\nArchitecture: amd64\nVersion: %s\n" % version.encode())
            result = in_own_mounts("mount --bind %s /var/lib/dpkg/status; %s doctor --json" % (status, harness.PROGRAM), cwd=self.folder,
                                   env=harness.environment())
            if not result or not os.path.exists("/var/lib/dpkg/status"):
                self.skipTest("mounts are not permitted here, or there is no dpkg")
            found = self.checks(result)["libpng"]
            self.assertEqual(found["verdict"], verdict, version)
            self.assertIn(version, found["finding"])

    def test_model_of_the_settings(self):
        self.assertIn("demo-model", self.doctor()["model"]["finding"])
        found = self.doctor(env={"PACKSHOT_MODEL": "nowhere"})
        self.assertEqual(found["model"]["verdict"], "fail")
        self.assertIn("nowhere", found["model"]["finding"])
        self.assertEqual(self.doctor(env={"PACKSHOT_MODEL": self.model()})["model"]["verdict"], "ok")

    def test_settings_that_are_wrong(self):
        self.write("packshot.ini", b"[render]\nmotoin = 3\n")
        found = self.doctor()["settings"]
        self.assertEqual(found["verdict"], "fail")
        self.assertIn("packshot.ini:2:1", found["finding"])

    def test_clock_that_was_never_set(self):
        program = self.folder / "packshot"
        shutil.copy(harness.PROGRAM, program)
        ahead = time.time() + 10 * 86400
        os.utime(program, (ahead, ahead))
        told = subprocess.run([program, "doctor", "--json"], cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL, env=harness.environment())
        found = self.checks(told)
        self.assertEqual(found["clock"]["verdict"], "warn")
        self.assertEqual(found["model"]["verdict"], "warn", "it is not in the source tree")


if __name__ == "__main__":
    harness.main()
