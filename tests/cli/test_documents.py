"""What the documents say about the program is so."""
import os
import pathlib
import re
import subprocess

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Documents(harness.Case):
    def test_example_is_the_headers_program(self):
        header = (ROOT / "include" / "packshot.h").read_text()
        program = re.search(r"^ \*   #include <packshot.h>\n(?: \*.*\n)*? \*   }\n", header, re.M).group(0)
        lines = [re.sub(r"^ \*(   )?", "", line).rstrip() for line in program.splitlines()]
        self.assertEqual("\n".join(lines) + "\n", (ROOT / "samples" / "example.c").read_text())

    def test_example_ends_with_a_status(self):
        """There is no svd-xt here, and perhaps no device."""
        result = subprocess.run([os.environ["EXAMPLE"]], cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL)
        self.assertIn(result.returncode, (harness.CHECKPOINT, harness.DEVICE), result.stderr)
        self.assertTrue(result.stderr.startswith(b"error: "), result.stderr)

    def test_readme_shows_the_example(self):
        shown = re.search(r"```c\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1).split("\n")
        example = [line.strip() for line in (ROOT / "samples" / "example.c").read_text().split("\n")]
        for line in shown:
            self.assertIn(line.strip(), example)

    def test_readme_has_every_option_and_no_other(self):
        table = (ROOT / "README.md").read_text()
        described = {option for command in harness.commands()
                     for option in re.findall(r"--[a-z-]+", self.expect(harness.OK, "help", *command.split()).stdout.decode())}
        written = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", re.sub(r"cmake.*", "", table)))
        self.assertEqual(described - {"--help"}, written)

    def test_readme_has_every_exit_code(self):
        paragraph = re.search(r"^Exit codes:(.*?)\n\n", (ROOT / "README.md").read_text(), re.S | re.M).group(1)
        listed = re.search(r"exit codes:(.*)", self.expect(harness.OK, "help").stdout.decode(), re.S).group(1)
        for code in re.findall(r"(?:^|  )\s*(\d+)  ", listed, re.M):
            self.assertRegex(paragraph, r"\b%s\b" % code)

    def test_links_of_the_documents_lead_somewhere(self):
        for document in ("README.md", "pipeline/README.md"):
            folder = (ROOT / document).parent
            for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / document).read_text()):
                self.assertTrue((folder / link).exists(), "%s: %s" % (document, link))

    def test_the_map_names_what_exists(self):
        """Functions and files that pipeline/README.md speaks of."""
        text = (ROOT / "pipeline" / "README.md").read_text()
        sources = "".join(path.read_text() for folder in ("include", "pipeline") for path in sorted((ROOT / folder).rglob("*.[ch]")))
        for name in set(re.findall(r"`(ps_\w+|cli_\w+|[a-z]+_phase)`", text)):
            if name != "ps_ref_NAME":
                self.assertTrue(re.search(r"\b%s\b" % name, sources), name)
        for name in set(re.findall(r"`((?:tests/)?[a-z]+/[a-z_]+\.(?:c|h|def|py))`", text)):
            self.assertTrue((ROOT / name).exists() or (ROOT / "pipeline" / name).exists(), name)

    def test_scripts_are_shell(self):
        for script in ("samples/quickstart", "samples/setup", "samples/packaging/deb", "samples/packaging/sbom", ".ci/run"):
            self.assertEqual(subprocess.run(["sh", "-n", ROOT / script]).returncode, 0, script)


if __name__ == "__main__":
    harness.main()
