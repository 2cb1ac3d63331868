"""Completion scripts, as shells run them.

usage: test_completion.py Bash|Zsh|Fish
"""
import os
import pathlib
import shutil
import subprocess

import harness
from harness import OK, USAGE

# Words that a shell is to offer, and those after the program's name on the line; the last is what is being typed.
CHOICES = [
    (["render", "--fit", ""], {"crop", "stretch", "pad", "extend"}),
    (["render", "p.png", "--fit", "e"], {"extend"}),
    (["render", "--codec", "pro"], {"prores-422hq", "prores-4444"}),
    (["render", "--dtype", ""], {"f32", "f16", "bf16"}),
    (["render", "--decode-chunk", ""], {"auto"}),
    (["render", "--seed", ""], set()),
    (["bench", "--part", ""], {"unet", "decoder", "encoder", "vision"}),
    (["presets", ""], {"show", "check"}),
    (["presets", "s"], {"show"}),
    (["completion", ""], {"bash", "zsh", "fish"}),
    (["help", "pres"], {"presets"}),
    (["help", "presets", ""], {"show", "check"}),
    (["devices", ""], set()),
]


class Case(harness.Case):
    shell = None

    def setUp(self):
        super().setUp()
        if not shutil.which(self.shell):
            self.skipTest("no %s" % self.shell)
        self.script = self.write("completion", self.expect(OK, "completion", self.shell).stdout)

    def run_shell(self, *arguments):
        path = "%s:%s" % (pathlib.Path(harness.PROGRAM).parent, os.environ["PATH"])
        return subprocess.run([self.shell, *arguments], cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=120,
                              env=harness.environment({"PATH": path, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config")}))

    def make_presets(self):
        """Two good ones, and one whose name is a command."""
        for name in ("spring", "autumn-2026", "$(touch pwned)", "`touch pwned`", "two words"):
            self.write("packshot-presets/%s.ini" % name, b"[render]\nmotion = 9\n")

    def check_all(self):
        self.make_presets()
        for words, expected in CHOICES:
            with self.subTest(words=words):
                self.assertEqual(set(self.complete(*words)), expected)
        self.assertEqual(set(self.complete("")) - {"--help", "--version"}, {name for name in harness.commands() if " " not in name} | {"help"})
        for command in harness.commands():
            with self.subTest(command=command):
                self.assertEqual(set(self.complete(*command.split(), "--")), set(harness.options(command)))
        offered = self.complete("presets", "show", "")
        self.assertLessEqual({"spring", "autumn-2026", "hero"}, set(offered))
        self.assertLessEqual({"auto", "cpu", "ref"}, set(self.complete("render", "--device", "")))
        self.assertFalse((self.folder / "pwned").exists())
        return offered


class Bash(Case):
    shell = "bash"

    def complete(self, *words):
        """What bash offers for the last word."""
        source = 'source "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _packshot; ((${#COMPREPLY[@]})) && printf "%s\\n" "${COMPREPLY[@]}"'
        result = self.run_shell("--norc", "-c", source, "bash", self.script, harness.PROGRAM, *words)
        self.assertEqual(result.stderr, b"")
        return result.stdout.decode().splitlines()

    def test_offers(self):
        offered = self.check_all()
        self.assertFalse([word for word in offered if "touch" in word])
        self.assertEqual(set(self.complete("")) & {"--help", "--version"}, {"--help", "--version"})

    def test_an_option_with_its_value_behind_an_equals_sign(self):
        self.assertEqual(self.complete("render", "--fit", "=", "e"), ["extend"])
        self.assertEqual(set(self.complete("render", "--fit", "=")), {"crop", "stretch", "pad", "extend"})

    def test_files(self):
        self.write("my photo.png", b"")
        self.write("my$(touch pwned).png", b"")
        for words in (["render", "my"], ["render", "-o", "my"], ["render", "--logo", "my"], ["inspect", "my"], ["render", "--background", "my"]):
            self.assertEqual(set(self.complete(*words)), {"my photo.png", "my$(touch pwned).png"}, words)
        self.assertEqual(self.complete("render", "--seed", "my"), [])
        self.assertEqual(self.complete("devices", "my"), [])
        self.assertFalse((self.folder / "pwned").exists())

    def test_readline_is_told(self):
        result = self.run_shell("--norc", "-c", 'source "$1"; complete -p packshot', "bash", self.script)
        self.assertEqual(result.stdout, b"complete -F _packshot packshot\n", result.stderr)

    def test_other_shells_are_refused(self):
        self.expect(USAGE, "completion", "tcsh", says=["tcsh", "bash, zsh or fish"])
        self.expect(USAGE, "completion", says="needs a SHELL")


class Zsh(Case):
    shell = "zsh"

    def test_syntax(self):
        result = self.run_shell("-f", "-n", self.script)
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_it_is_taken(self):
        result = self.run_shell("-f", "-c", 'autoload -U compinit && compinit -D && source "$1" && print $_comps[packshot]', "zsh", self.script)
        self.assertEqual(result.stdout.decode().splitlines()[-1:], ["_packshot"], result.stderr)

    def test_every_option_is_there(self):
        text = pathlib.Path(self.script).read_text()
        for command in harness.commands():
            part = text[text.index("    '%s')\n" % command):].split(";;\n", 1)[0]
            for option in harness.options(command):
                self.assertRegex(part, r"%s[}'\[]" % option, command)


class Fish(Case):
    shell = "fish"

    def complete(self, *words):
        line = " ".join(["packshot", *words])
        result = self.run_shell("--no-config", "-c", 'source %s; complete -C "%s"' % (self.script, line))
        self.assertEqual(result.stderr, b"")
        return [offer.split("\t")[0] for offer in result.stdout.decode().splitlines()]

    def test_syntax(self):
        result = self.run_shell("--no-execute", self.script)
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_offers(self):
        self.check_all()


del Case

if __name__ == "__main__":
    harness.main()
