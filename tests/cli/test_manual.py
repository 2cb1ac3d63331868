"""Manual pages: there is one for each command with all of its options, and formatters have nothing to say against them.

usage: test_manual.py Pages|Man|Mandoc
"""
import os
import pathlib
import re
import shutil
import subprocess

import harness
import schema

DOCUMENTS = pathlib.Path(os.environ["DOCUMENTS"])


def pages():
    return sorted(DOCUMENTS.glob("man[17]/*"))


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        if not pages():
            self.skipTest("no scdoc, so no pages were made")


class Pages(Case):
    def source(self, name):
        """A page in scdoc's language, without the escapes."""
        return re.sub(r"\\(.)", r"\1", (DOCUMENTS / "scdoc" / (name + ".scd")).read_text())

    def test_a_page_a_command(self):
        names = {"packshot-%s.1" % command.replace(" ", "-") for command in harness.commands()}
        self.assertEqual({page.name for page in pages()}, names | {"packshot.1", "packshot-events.7"})
        overview = self.source("packshot.1")
        for command in harness.commands():
            text = self.source("packshot-%s.1" % command.replace(" ", "-"))
            self.assertEqual(re.findall(r"^(?:\*-\w\*, )?\*(--[a-z-]+)\*", text, re.M), harness.options(command), command)
            self.assertIn("*packshot %s*" % command, overview)
            events = [name for name in schema.EVENTS if command in schema.SCHEMA["$defs"][name]["x-commands"].split(", ")]
            told = re.search(r"^With \*--json\*: (.*), and \*error\*", text, re.M)
            self.assertEqual(told.group(1).replace("*", "").split(", ") if told else [], events, command)
            self.assertEqual(bool(told), "--json" in harness.options(command), command)

    def test_exit_codes_are_those_of_the_help(self):
        listed = re.search(r"exit codes:(.*)", self.expect(harness.OK, "help").stdout.decode(), re.S).group(1)
        self.assertEqual(re.findall(r"^\*(\d+)\* \([\w-]+\)$", self.source("packshot.1"), re.M), re.findall(r"^ +(\d+)  ", listed, re.M))

    def test_every_event_and_member_is_there(self):
        text = self.source("packshot-events.7")
        for name, one in schema.SCHEMA["$defs"].items():
            part = re.search(r"^## %s\n(.*?)(?=^#)" % name, text, re.S | re.M).group(1)
            self.assertEqual(re.findall(r"^\*(\w+)\* \(", part, re.M), [member for member in one["properties"] if member not in ("v", "event")])

    def test_pages_are_named_by_what_they_are_about(self):
        for page in pages():
            title = re.search(r'^\.TH "([^"]+)" "(\d)"', page.read_text(), re.M)
            self.assertEqual("%s.%s" % title.groups(), page.name)


class Man(Case):
    def test_groff_warns_of_nothing(self):
        if not shutil.which("man") or not shutil.which("groff"):
            self.skipTest("no man or no groff")
        for page in pages():
            result = subprocess.run(["man", "-l", "--warnings", page], capture_output=True, stdin=subprocess.DEVNULL,
                                    env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MANPAGER": "cat"})
            self.assertEqual((result.returncode, result.stderr), (0, b""), page.name)
            self.assertIn(page.name[:-2].encode(), result.stdout)


class Mandoc(Case):
    def test_mandoc_warns_of_nothing(self):
        if not shutil.which("mandoc"):
            self.skipTest("no mandoc")
        result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages()], capture_output=True, stdin=subprocess.DEVNULL)
        self.assertEqual((result.returncode, result.stdout), (0, b""))


del Case

if __name__ == "__main__":
    harness.main()
