"""A batch on a Vulkan device that fails: see layer.c for what FAULT says."""
import json
import unittest

import batching
import harness
from harness import OK

DEVICE_LOST = 9
VULKAN = harness.vulkan_device()
SMALL = ["--width", "16", "--height", "16", "--frames", "1", "--steps", "6", "--dtype", "f32", "--device", str(VULKAN)]


@unittest.skipUnless(VULKAN, "no Vulkan device")
class Faults(batching.Case):
    def run_batch(self, code, fault, out="out"):
        return self.expect(code, *self.arguments("--json", "--retry-delay", "0.2", small=SMALL, out=out), env={"FAULT": fault})

    def kinds(self, result):
        return [(event["event"], event["job"]) for event in self.events(result) if event["event"] in ("job_done", "job_failed")]

    def test_a_job_is_tried_again_on_a_new_device(self):
        """Lost twice the job rests; the next attempt goes on from the last step, too near the end to be lost again, since the
        layer counts anew. The clip is that of a calm batch."""
        self.rows(1)
        self.run_batch(OK, "", out="calm")
        result = self.run_batch(OK, "submit=30,31")
        self.assertEqual(self.kinds(result), [("job_failed", 1), ("job_done", 1)])
        failed = next(event for event in self.events(result) if event["event"] == "job_failed")
        self.assertEqual((failed["id"], failed["again"]), ("device.lost", True))
        self.assertEqual(self.clips(), self.clips("calm"))
        log = (self.folder / failed["log"]).read_text()
        for words in ("attempt 1,", "attempt 2,", "name      device.lost", "outcome   done"):
            self.assertIn(words, log)

    def test_a_device_that_stays_lost_is_the_end(self):
        """The jobs wait, none has failed for it, and the batch goes on another day."""
        self.rows(3)
        result = self.run_batch(DEVICE_LOST, "submit=30+")
        self.assertEqual(json.loads(result.stdout.splitlines()[-1])["name"], "device-lost")
        counts = self.counts()
        self.assertEqual((counts["failed"], counts["done"] + counts["waiting"]), (0, 3))
        self.resume(OK)
        self.assertEqual(self.counts()["done"], 3)


if __name__ == "__main__":
    harness.main()
