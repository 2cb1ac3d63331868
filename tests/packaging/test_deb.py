"""The Debian package: made, read, judged by lintian, and installed, run and purged in a bare Debian.

usage: test_deb.py Package|Lintian|Unit|Debian
SOURCE is the repository, BUILD a whole build of preset release. Package leaves what it makes in BUILD/deb, the others take it
from there. MIRROR is where debootstrap takes Debian from.
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["SOURCE"])
BUILD = pathlib.Path(os.environ["BUILD"])
FOLDER = BUILD / "deb"
MIRROR = os.environ.get("MIRROR", "http://deb.debian.org/debian")
SECURITY = "http://deb.debian.org/debian-security"


def call(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, stdin=subprocess.DEVNULL, **options)


class Case(unittest.TestCase):
    def need(self, *tools):
        lacking = [tool for tool in tools if not shutil.which(tool)]
        if lacking:
            self.skipTest("no " + ", ".join(lacking))

    def good(self, result):
        self.assertEqual(result.returncode, 0, (result.stdout + result.stderr).decode(errors="replace")[-4000:])
        return result.stdout.decode()

    def package(self):
        found = sorted(FOLDER.glob("packshot_*.deb"))
        if len(found) != 1:
            self.skipTest("no package was made")
        return found[0]


class Package(Case):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(FOLDER, ignore_errors=True)
        tools = ("dpkg-buildpackage", "dh", "scdoc", "objdump")
        cls.made = call(SOURCE / "samples" / "packaging" / "deb", FOLDER, BUILD) if all(map(shutil.which, tools)) else None

    def setUp(self):
        self.need("dpkg-buildpackage", "dh", "scdoc", "objdump")
        self.good(self.made)
        self.tree = pathlib.Path(tempfile.mkdtemp(prefix="packshot-deb-"))
        self.addCleanup(shutil.rmtree, self.tree, ignore_errors=True)
        self.good(call("dpkg-deb", "-x", self.package(), self.tree))

    def field(self, name):
        return self.good(call("dpkg-deb", "-f", self.package(), name)).strip()

    def test_control(self):
        version = re.search(r'#define PS_VERSION "(.*)"', (SOURCE / "include" / "packshot.h").read_text()).group(1)
        self.assertTrue(self.field("Version").startswith(version + "-"), self.field("Version"))
        self.assertIn("libpng16-16 (>= 1.6.39-2+deb12u6)", self.field("Depends"))
        self.assertRegex(self.field("Depends"), r"\badduser\b")
        for library in ("libavcodec", "libavfilter", "libavformat", "libjansson4", "liblcms2-2", "libssl3", "libfreetype6", "libinih1"):
            self.assertIn(library, self.field("Depends"))
        self.assertIn("vulkan", self.field("Recommends"))

    def test_files(self):
        files = {str(path.relative_to(self.tree)) for path in self.tree.rglob("*") if path.is_file()}
        for name in ("usr/bin/packshot", "usr/share/packshot/presets/hero.ini", "usr/share/packshot/demo-model/model_index.json",
                     "usr/share/packshot/events.json", "usr/share/man/man1/packshot.1.gz", "usr/share/man/man1/packshot-render.1.gz",
                     "usr/share/man/man7/packshot-events.7.gz", "usr/share/bash-completion/completions/packshot",
                     "usr/share/zsh/vendor-completions/_packshot", "usr/share/fish/vendor_completions.d/packshot.fish",
                     "usr/share/doc/packshot/copyright", "usr/share/doc/packshot/changelog.gz", "usr/share/doc/packshot/changelog.Debian.gz",
                     "usr/share/doc/packshot/packshot.spdx.json", "lib/systemd/system/packshot-watch@.service"):
            self.assertIn(name, files)
        self.assertFalse([name for name in files if "/train/" in name or "/studio/" in name])

    def test_bill_of_materials(self):
        """What SPDX 2.3 requires of a document, and that every library of the program is in it."""
        bill = json.loads((self.tree / "usr/share/doc/packshot/packshot.spdx.json").read_text())
        self.assertEqual((bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]), ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"))
        self.assertRegex(bill["documentNamespace"], r"^https://[^#]+$")
        self.assertRegex(bill["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertTrue(all(re.match(r"(Tool|Organization): ", creator) for creator in bill["creationInfo"]["creators"]))
        ids = [part["SPDXID"] for part in bill["packages"] + bill["files"]] + [bill["SPDXID"]]
        self.assertEqual(len(ids), len(set(ids)))
        for name in ids:
            self.assertRegex(name, r"^SPDXRef-[A-Za-z0-9.-]+$")
        for package in bill["packages"]:
            for member in ("name", "versionInfo", "downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText"):
                self.assertTrue(package[member], (package, member))
            self.assertIs(package["filesAnalyzed"], False)
        for relation in bill["relationships"]:
            self.assertLessEqual({relation["spdxElementId"], relation["relatedSpdxElement"]}, set(ids))
        related = {relation["relatedSpdxElement"] for relation in bill["relationships"]}
        self.assertEqual(related, set(ids) - {"SPDXRef-DOCUMENT"})
        for file in bill["files"]:
            sums = {entry["algorithm"]: entry["checksumValue"] for entry in file["checksums"]}
            content = (self.tree / file["fileName"]).read_bytes()
            self.assertEqual(sums, {"SHA1": hashlib.sha1(content).hexdigest(), "SHA256": hashlib.sha256(content).hexdigest()})
        self.assertEqual(len([file for file in bill["files"] if file["fileName"].endswith(".safetensors")]), 3)
        listed = {package["name"]: package["versionInfo"] for package in bill["packages"]}
        for library in re.findall(r"NEEDED +(\S+)", self.good(call("objdump", "-p", self.tree / "usr/bin/packshot"))):
            owner = self.good(call("dpkg-query", "-S", "*/" + library)).split(":")[0]
            self.assertEqual(listed[owner], self.good(call("dpkg-query", "-W", "-f", "${Version}\n", owner)).split()[0])

    def test_program_is_hardened(self):
        told = self.good(call("objdump", "-p", self.tree / "usr/bin/packshot"))
        self.assertRegex(told, r"RELRO")
        self.assertRegex(told, r"BIND_NOW|FLAGS_1.*0x0*8")
        self.assertRegex(told, r"STACK[^\n]*\n[^\n]*flags rw-")
        self.assertIn("file format elf64-x86-64", told)
        self.assertIn("DYN", self.good(call("readelf", "-h", self.tree / "usr/bin/packshot")))
        symbols = self.good(call("readelf", "-W", "--dyn-syms", self.tree / "usr/bin/packshot"))
        for name in ("__stack_chk_fail", "__memcpy_chk", "__snprintf_chk"):
            self.assertRegex(symbols, r"\b%s\b" % name)
        code = self.good(call("objdump", "-d", "--no-show-raw-insn", self.tree / "usr/bin/packshot"))
        # Where indirect jumps may lead is marked, and large frames are touched page by page.
        self.assertGreater(code.count("endbr64"), 100)
        self.assertRegex(code, r"sub +\$0x1000,%rsp\n[^\n]*or[lq] +\$0x0,\(%rsp\)")


class Lintian(Case):
    def test_no_errors(self):
        self.need("lintian")
        result = call("lintian", "--allow-root", "--fail-on", "error", "--no-tag-display-limit", self.package())
        print(result.stdout.decode())
        self.good(result)


class Unit(Case):
    """The service of `packshot watch`, as systemd reads it."""

    EXPOSURE = 20  # tenths of what systemd-analyze calls the overall exposure level; 15 was measured

    def test_unit(self):
        self.need("systemd-analyze")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="packshot-unit-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        unit = folder / "packshot-watch@.service"
        text = (SOURCE / "samples" / "packaging" / unit.name).read_text()
        self.assertIn("ExecStart=/usr/bin/packshot watch ", text)
        unit.write_text(text.replace("/usr/bin/packshot", str(BUILD / "packshot")))
        verified = call("systemd-analyze", "verify", "--man=no", unit)
        self.assertEqual((verified.returncode, verified.stderr), (0, b""))
        print(self.good(call("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=%d" % self.EXPOSURE, unit)).splitlines()[-1])


class Debian(Case):
    """In a root of debootstrap's, as someone would who has nothing but the package."""

    def chroot(self, *command):
        return call("unshare", "--mount", "--pid", "--fork", "--mount-proc=%s/proc" % self.root, "chroot", self.root, *command,
                    env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})

    def traces(self):
        found = self.good(self.chroot("find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-path", "/tmp", "-prune", "-o", "-name", "*packshot*", "-print"))
        return found.split()

    def accounts(self):
        """Lines about the service's user. /etc/passwd- and its like are copies of the file before."""
        return [line for name in ("passwd", "group", "shadow", "gshadow") for line in (self.root / "etc" / name).read_text().splitlines()
                if re.match("packshot:", line)]

    def install(self):
        self.good(self.chroot("apt-get", "-q", "-y", "--no-install-recommends", "install", "/tmp/packshot.deb"))

    def purge(self):
        self.good(self.chroot("apt-get", "-q", "-y", "purge", "packshot"))

    def check_service_user(self):
        """Made for the unit; its files go with the package, and it goes where none of its clips is left."""
        self.assertRegex(self.accounts()[0], r"^packshot:x:[1-9]\d\d:\d+:[^:]*:/nonexistent:/usr/sbin/nologin$")
        unit = (self.root / "lib/systemd/system/packshot-watch@.service").read_text()
        self.assertIn("\nUser=packshot\nGroup=packshot\n", unit)
        self.good(self.chroot("install", "-d", "-o", "packshot", "-g", "packshot", "/srv/packshot/shoes", "/var/lib/packshot", "/var/cache/packshot"))
        as_service = ("setpriv", "--reuid=packshot", "--regid=packshot", "--clear-groups", "--no-new-privs", "env", "HOME=/nonexistent",
                      "XDG_CACHE_HOME=/var/cache", "packshot")
        (self.root / "tmp/list.csv").write_text("photo,seed\ncan.png,1\ncan.png,2\n")
        self.good(self.chroot(*as_service, "batch", "/tmp/list.csv", "--out", "/srv/packshot/shoes/clips", "--journal", "/var/lib/packshot/shoes.sqlite",
                              "--name", "{name}_{seed}.mp4", "--width", "64", "--height", "64", "--frames", "2", "--steps", "1"))
        for name in ("can_1.mp4", "can_2.mp4", "can_1.mp4.json", "can_2.mp4.json"):
            self.assertTrue((self.root / "srv/packshot/shoes/clips" / name).exists(), name)
        self.purge()
        self.assertEqual(len(self.accounts()), 4, "clips are left that are the user's")
        self.assertFalse((self.root / "var/lib/packshot").exists() or (self.root / "var/cache/packshot").exists())
        shutil.rmtree(self.root / "srv/packshot")
        self.install()
        self.assertEqual(len(self.accounts()), 4)

    def test_installs_runs_and_purges(self):
        package = self.package()
        self.need("debootstrap", "unshare", "chroot")
        if os.geteuid():
            self.skipTest("not root")
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="packshot-debian-", dir="/var/tmp"))
        self.addCleanup(call, "rm", "-rf", "--one-file-system", self.root)
        self.root.chmod(0o755)
        made = call("debootstrap", "--variant=minbase", "bookworm", self.root, MIRROR)
        if made.returncode:
            self.skipTest("debootstrap: " + (made.stdout + made.stderr).decode(errors="replace").strip().splitlines()[-1])
        (self.root / "etc/apt/sources.list").write_text("deb %s bookworm main\ndeb %s bookworm-security main\n" % (MIRROR, SECURITY))
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        shutil.copy(package, self.root / "tmp/packshot.deb")
        shutil.copy(SOURCE / "samples/photos/can.png", self.root / "tmp/can.png")
        os.chmod(self.root / "tmp", 0o1777)
        updated = self.chroot("apt-get", "-q", "update")
        if updated.returncode:
            self.skipTest("apt-get update: " + updated.stderr.decode(errors="replace").strip().splitlines()[-1])
        before = self.traces()
        self.assertEqual(self.accounts(), [])
        self.install()
        told = self.good(self.chroot("packshot", "--version", "--verbose"))
        self.assertRegex(told, r"(?m)^libpng +1\.6\.39")
        told = self.good(self.chroot("packshot", "doctor", "/tmp"))
        print(told)
        self.assertRegex(told, r"(?m)^ok +model ")
        self.assertRegex(told, r"(?m)^ok +libpng ")
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "env", "HOME=/nonexistent", "packshot")
        self.good(self.chroot(*nobody, "render", "/tmp/can.png", "-o", "/tmp/can.mp4"))
        self.assertIn("trainedAlgorithmicMedia", self.good(self.chroot(*nobody, "verify", "/tmp/can.mp4")))
        self.assertIn("social-vertical", self.good(self.chroot("packshot", "presets")))
        self.check_service_user()
        self.purge()
        self.assertEqual((self.traces(), self.accounts()), (before, []))
        self.assertEqual(self.good(self.chroot("find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-nouser", "-print")), "")


del Case


def main():
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0)


if __name__ == "__main__":
    main()
