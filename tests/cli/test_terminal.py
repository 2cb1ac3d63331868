"""What a person at a terminal sees while a render runs."""
import errno
import os
import pty
import signal
import subprocess

import harness

ARGUMENTS = ["--width", "24", "--height", "24", "--frames", "1", "--device", "ref"]


class Terminal(harness.Case):
    def watch(self, steps, env=None, interrupt=False):
        """Bytes that a terminal of 100 columns on stderr gets, and the exit code."""
        master, slave = pty.openpty()
        os.set_blocking(master, True)
        subprocess.run(["stty", "cols", "100"], stdin=slave, check=True)
        process = subprocess.Popen([harness.PROGRAM, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *ARGUMENTS,
                                    "--steps", str(steps)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=slave, env=harness.environment(env))
        os.close(slave)
        seen = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError as error:
                # How Linux says that the last writer has closed the terminal.
                if error.errno != errno.EIO:
                    raise
                break
            if not piece:
                break
            seen += piece
            if interrupt and b"unet" in seen.rpartition(b"plan:")[2].rpartition(b"peak")[2]:
                process.send_signal(signal.SIGINT)
                interrupt = False
        os.close(master)
        return seen, process.wait(timeout=60)

    def test_one_line_is_rewritten(self):
        seen, code = self.watch(3, {"TERM": "xterm", "NO_COLOR": None})
        self.assertEqual(code, harness.OK, seen)
        self.assertNotIn(b"\x1b", seen)
        # The terminal makes \r\n of a line's end; a lone \r begins the line again.
        lines = seen.replace(b"\r\n", b"\n").split(b"\n")
        # What the quality gate says stands between the render and the save.
        render, *save = [line for line in lines if b"\r" in line]
        self.assertLessEqual(len(save), b"needs eyes" in seen, seen)
        for words in (b"vision", b"unet  step 2/3", b"s/step", b"ETA", b"decoder"):
            self.assertIn(words, render)
        for shown in (render + b"\r" + b"".join(save)).split(b"\r"):
            self.assertLess(len(shown), 100)

    def test_plain_lines_where_asked(self):
        for env in ({"TERM": "dumb"}, {"TERM": None}, {"TERM": "xterm", "NO_COLOR": "1"}):
            with self.subTest(env=env):
                seen, code = self.watch(2, env)
                self.assertEqual(code, harness.OK, seen)
                self.assertNotIn(b"\r", seen.replace(b"\r\n", b"\n"))
                self.assertNotIn(b"\x1b", seen)
                self.assertIn(b"packshot: unet  step 1/2", seen)
                os.remove(self.folder / "clip.mp4")
                os.remove(self.folder / "clip.mp4.json")

    def test_interrupt_ends_the_line(self):
        seen, code = self.watch(1000, {"TERM": "xterm", "NO_COLOR": None}, interrupt=True)
        self.assertEqual(code, harness.CANCELLED, seen)
        self.assertIn(b"stopping after this step", seen)
        self.assertTrue(seen.endswith(b"\n"), seen)
        self.assertEqual(self.files(), ["photo.png"])


if __name__ == "__main__":
    harness.main()
