"""A whole render opens what it was told to, its outputs and what the system's libraries bring along, and no connection."""
import os
import re
import subprocess

import harness

# Where libraries, their configuration and facts about the machine are.
SYSTEM = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/", "/usr/share/", "/etc/ld.so", "/etc/ssl/", "/etc/gnutls/",
          "/etc/gcrypt/", "/etc/selinux/", "/etc/localtime", "/etc/fonts/", "/proc/", "/sys/", "/dev/null", "/dev/urandom", "/dev/random", "/dev/shm/")
CALLS = "trace=%file,%network"


def traceable():
    """Whether there is a strace, and whether it may trace here."""
    try:
        return subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def whole_calls(text):
    """strace's lines, those put together that were cut apart because another thread came between."""
    begun = {}
    for line in text.splitlines():
        process, call = line.split(" ", 1)
        if line.endswith(" <unfinished ...>"):
            begun[process] = line[: -len(" <unfinished ...>")]
            continue
        resumed = re.match(r" *<\.\.\. \w+ resumed>(.*)", call)
        yield begun.pop(process) + resumed.group(1) if resumed else line


class Isolation(harness.Case):
    def trace(self, *arguments, env=None):
        """The lines of strace about calls that succeeded."""
        log = self.folder.parent / (self.folder.name + ".calls")
        self.addCleanup(lambda: log.unlink(missing_ok=True))
        # A leak checker traces the program itself, and a process has one tracer.
        env = {"ASAN_OPTIONS": "detect_leaks=0", **(env or {})}
        result = subprocess.run(["strace", "-f", "-y", "-s", "4096", "-o", log, "-e", CALLS, harness.PROGRAM, *arguments], cwd=self.folder,
                                env=harness.environment(env), capture_output=True, stdin=subprocess.DEVNULL, timeout=600)
        self.assertEqual(result.returncode, harness.OK, result.stderr)
        return [line for line in whole_calls(log.read_text(errors="replace")) if " = -1 E" not in line]

    def opened(self, lines):
        """Every path that was opened, executed, made or renamed, absolute."""
        paths = set()
        for line in lines:
            call = re.match(r"\d+ +(\w+)\(", line)
            if not call or call.group(1) not in ("open", "openat", "openat2", "creat", "execve", "rename", "renameat", "renameat2", "link", "linkat",
                                                 "mkdir", "mkdirat", "unlink", "unlinkat", "symlink", "symlinkat", "truncate", "mknod", "mknodat"):
                continue
            for base, path in re.findall(r"(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?\"((?:[^\"\\]|\\.)*)\"", line.split(" = ")[0]):
                paths.add(os.path.normpath(os.path.join(base or str(self.folder), path)))
                if call.group(1) == "execve":
                    break
        return paths

    def test_nothing_else_is_opened(self):
        if not traceable():
            self.skipTest("strace may not trace here")
        device = "cpu" if "cpu" in harness.devices() else "ref"
        home = self.folder / "home"
        home.mkdir()
        (self.folder / "out").mkdir()
        lines = self.trace("render", self.photo(), "-o", "out/clip.mp4", "--model", self.model(),
                           "--width", "16", "--height", "24", "--frames", "2", "--steps", "2", "--device", device, "--taps", "out/taps.safetensors",
                           env={"HOME": str(home), "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None})
        opened = self.opened(lines)
        folder, model = str(self.folder), os.path.realpath(self.model())
        known = {folder, folder + "/photo.png", folder + "/out", folder + "/out/clip.mp4", folder + "/out/clip.mp4.json",
                 folder + "/out/taps.safetensors", os.path.abspath(harness.PROGRAM)}
        temporary = re.compile(re.escape(folder) + r"/out/\.(clip\.mp4|clip\.mp4\.json|taps\.safetensors)\.packshot-[0-9a-f]{8}\.tmp")
        for path in (folder + "/photo.png", folder + "/out/clip.mp4", folder + "/out/clip.mp4.json"):
            self.assertIn(path, opened)
        self.assertTrue(any(path.startswith(model + "/") for path in opened), opened)
        strange = sorted(path for path in opened if path not in known and not path.startswith(SYSTEM + (model + "/",)) and
                         not temporary.fullmatch(path))
        self.assertEqual(strange, [])
        sockets = [line for line in lines if re.match(r"\d+ +(socket|socketpair)\(", line) and "AF_UNIX" not in line]
        self.assertEqual(sockets, [])
        self.assertEqual([line for line in lines if re.match(r"\d+ +(connect|bind|listen|accept4?|sendto)\(", line) and "AF_INET" in line], [])
        self.assertEqual(sorted(os.listdir(home)), [])


if __name__ == "__main__":
    harness.main()
