"""samples/cluster/packshot.sbatch on a cluster of two nodes: Debian's slurmctld, two slurmd and munged, started here in
namespaces of their own (network, mounts, processes), so that they meet nothing of the machine and end with the test. Each
node has a /tmp of its own, as machines have. Needs root, slurmctld, slurmd, slurm-client, munge and iproute2."""
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import batching
import harness
from harness import OK

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "samples" / "cluster" / "packshot.sbatch"
TOOLS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "munged", "unshare", "ip")
ADDRESS = "10.88.0.1"  # Slurm passes over hosts that have loopback addresses alone
HOST = "packshot-test"
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}({address})
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
SlurmctldPort=26817
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
KillWait=10
SlurmdTimeout=5
NodeName=n[1-2] NodeHostname={host} NodeAddr={address} Port=[26831-26832] CPUs=1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""

SIZE = ["--width", "32", "--height", "32", "--frames", "2", "--steps", "300", "--device", "cpu", "--threads", "1", "--reproducible"]


def call(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, stdin=subprocess.DEVNULL, timeout=120, **options)


class Cluster:
    """The daemons; `folder` is what both nodes see."""

    def __init__(self, folder):
        self.folder = folder
        self.daemons, self.nodes = [], {}
        subprocess.run("hostname %s && ip link set lo up && ip addr add %s/32 dev lo" % (HOST, ADDRESS), shell=True, check=True)
        hosts = folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n%s %s\n" % (ADDRESS, HOST))
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
        (folder / "controller").mkdir()
        self.configure("RequeueExit=75")
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
        self.start_munge()
        self.start("slurmctld", "-D")
        for node in ("n1", "n2"):
            self.start_node(node)

    def configure(self, *lines):
        text = CONFIGURATION.format(host=HOST, address=ADDRESS, folder=self.folder)
        (self.folder / "slurm.conf").write_text(text + "".join(line + "\n" for line in lines))

    def start(self, *command):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.daemons.append(process)
        return process

    def start_munge(self):
        private = self.folder / "munge"
        private.mkdir(mode=0o700)
        (private / "key").write_bytes(os.urandom(1024))
        (private / "key").chmod(0o400)
        self.start("munged", "--foreground", "--force", "--key-file=%s/key" % private, "--socket=%s/munge.socket" % self.folder,
                   "--pid-file=%s/pid" % private, "--log-file=%s/log" % private, "--seed-file=%s/seed" % private)

    def start_node(self, name):
        disk = self.folder / ("disk." + name)
        disk.mkdir(mode=0o1777, exist_ok=True)
        command = "mount --bind %s /tmp && exec slurmd -D -N %s" % (disk, name)
        self.nodes[name] = self.start("unshare", "--mount", "sh", "-ec", command)

    def crash(self, name):
        """As Slurm sees a machine that is gone, while what it runs lives on."""
        self.nodes[name].kill()
        self.nodes[name].wait()
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if words.startswith(b"slurmstepd"):
                os.kill(int(process.name), signal.SIGKILL)


class Case(batching.Case):
    cluster = None

    def setUp(self):
        super().setUp()
        if not Case.cluster:
            Case.cluster = Cluster(pathlib.Path(tempfile.mkdtemp(prefix="packshot-slurm-")))
        self.wait_for(lambda: call("sinfo", "--noheader", "--format", "%t").stdout.split() == [b"idle"], 120)
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "packshot").symlink_to(harness.PROGRAM)

    def slurm(self, *command):
        result = call(*command, cwd=self.folder, env={**harness.environment(), "PATH": "%s:%s" % (self.folder / "bin", os.environ["PATH"])})
        self.assertEqual(result.returncode, 0, (command, result.stderr))
        return result.stdout.decode()

    def submit(self, *options, size=SIZE):
        told = self.slurm("sbatch", *options, SCRIPT, "list.csv", "out", "--model", self.model(), "--json", *size)
        return re.search(r"\d+", told).group()

    def calm(self, size=SIZE):
        self.expect(OK, *self.arguments(out="calm", small=size))

    def job(self, name):
        """A task as the controller has it; {} once it has forgotten it."""
        found = call("scontrol", "--oneliner", "show", "job", name)
        return dict(re.findall(r"(\w+)=(\S*)", found.stdout.decode())) if not found.returncode else {}

    def processes(self, job, task, what):
        """Those of a task whose command line has `what` in it."""
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words, settings = (process / "cmdline").read_bytes(), (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if what in words and {b"SLURM_ARRAY_JOB_ID=%s" % job.encode(), b"SLURM_ARRAY_TASK_ID=%d" % task} <= set(settings):
                yield int(process.name)

    def signal(self, job, task, number, what):
        """Past scancel, which in 22.05 signals a task and then claims that it could not, and tries again for a minute."""
        found = list(self.processes(job, task, what))
        self.assertTrue(found)
        for process in found:
            os.kill(process, number)

    def log(self, job, task):
        path = self.folder / ("packshot-%s_%s.log" % (job, task))
        return path.read_text() if path.exists() else ""

    def told(self, job, task):
        """The events of all runs of a task. A line that a kill cut is none."""
        events = []
        for line in self.log(job, task).splitlines():
            try:
                events.append(json.loads(line))
            except ValueError:
                pass
        return [event for event in events if isinstance(event, dict)]

    def steps(self, job, task):
        return [event["step"] for event in self.told(job, task) if event.get("phase") == "unet"]

    def wait_for_steps(self, job, task, steps=5):
        self.wait_for(lambda: max(self.steps(job, task), default=0) > steps, 240)

    def wait_for_end(self, job, seconds=420):
        def ended():
            states = call("squeue", "--noheader", "--states", "all", "--jobs", job, "--format", "%T").stdout.decode().split()
            return states and set(states) <= {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"}

        # One that is requeued has failed for a moment.
        self.wait_for(lambda: ended() and not time.sleep(2) and ended(), seconds)

    def check_completed(self, job, task, restarts=None):
        told = self.job("%s_%d" % (job, task))
        self.assertEqual(told["JobState"], "COMPLETED", "%s\n%s" % (told, self.log(job, task)[-2000:]))
        if restarts is not None:
            self.assertEqual(told["Restarts"], str(restarts))
        return told

    def check_clips(self, job, tasks):
        """Each once, as of a batch that nothing disturbed; nothing is left, and nothing was rendered twice."""
        found = {name: content for name, content in self.clips().items() if not name.startswith("report-")}
        self.assertEqual(found, self.clips("calm"))
        self.assertEqual(batching.temporaries(self.folder / "out"), [])
        self.assertEqual(list((self.folder / "out/.packshot/states").iterdir()), [])
        ended = [event for task in tasks for event in self.told(job, task) if event["event"] == "job_done"]
        rendered = collections.Counter(event["output"] for event in ended if not event["recognised"])
        self.assertLessEqual(set(rendered.values()), {1})
        clips = {name for name in found if name.endswith(".mp4")}
        self.assertEqual({os.path.basename(event["output"]) for event in ended}, clips)
        reports = [json.loads(path.read_text()) for path in (self.folder / "out").glob("report-*.json")]
        self.assertEqual(len(reports), len(tasks))
        self.assertEqual(sum(report["counts"]["done"] for report in reports), len(clips))
        self.assertEqual(sum(report["counts"]["total"] for report in reports), len(clips))


class Array(Case):
    def test_disturbed_in_every_way(self):
        """An array that does not begin at 1: one task requeued, one stopped, one whose packshot is killed, one left alone."""
        self.rows(12)
        self.calm()
        job = self.submit("--array=5-11:2")
        requeued, killed = ("%s_%d" % (job, task) for task in (5, 9))
        self.wait_for_steps(job, 5)
        self.slurm("scontrol", "requeue", requeued)
        self.wait_for_steps(job, 7)
        self.signal(job, 7, signal.SIGTERM, b"slurm_script")
        self.wait_for_steps(job, 9)
        self.signal(job, 9, signal.SIGKILL, b"packshot\0batch")
        self.wait_for(lambda: self.job(killed).get("JobState") in ("FAILED", "CANCELLED"), 60)
        self.slurm("scontrol", "requeue", killed)
        self.wait_for_end(job)
        for task in (5, 7, 9):
            self.check_completed(job, task, 1)
        self.check_completed(job, 11, 0)
        self.assertIn('"name":"try-again"', self.log(job, 7).replace(" ", ""))
        self.check_clips(job, (5, 7, 9, 11))

    def test_gaps_are_refused(self):
        self.rows(1)
        job = self.submit("--array=1,2,4")
        self.wait_for_end(job)
        self.assertEqual(self.job(job + "_2")["ExitCode"], "2:0")
        self.assertIn("has gaps", self.log(job, 2))
        self.assertEqual(self.clips(), {})


class Time(Case):
    LONG = [{"32": "64", "300": "1000"}.get(word, word) for word in SIZE]

    def test_stopped_before_its_limit_and_goes_on_after_the_last_step(self):
        self.rows(1)
        self.calm(self.LONG)
        job = self.submit("--array=0-0", "--time=1", "--signal=B:TERM@45", size=self.LONG)
        self.wait_for_end(job)
        self.assertGreater(int(self.check_completed(job, 0)["Restarts"]), 0)
        steps = self.steps(job, 0)
        self.assertEqual(steps, sorted(steps), "a step was taken twice")
        self.check_clips(job, (0,))


class Nodes(Case):
    LONG = [word if word != "300" else "600" for word in SIZE]

    def test_a_node_that_is_taken_for_dead(self):
        """Its process lives on and works, while another node begins the task anew with an empty journal."""
        self.rows(6)
        self.calm(self.LONG)
        job = self.submit("--array=1-1", size=self.LONG)
        self.wait_for_steps(job, 1)
        first = self.job(job + "_1")["NodeList"]
        self.cluster.crash(first)
        self.addCleanup(self.cluster.start_node, first)
        self.wait_for(lambda: self.job(job + "_1").get("Restarts") == "1", 120)
        self.wait_for_end(job)
        self.assertNotEqual(self.check_completed(job, 1)["NodeList"], first)
        self.wait_for(lambda: not call("pgrep", "-x", "packshot").stdout, 240)
        begun = [event for event in self.told(job, 1) if event["event"] == "batch_begin"]
        self.assertEqual(len(begun), 2)
        self.assertEqual({name: content for name, content in self.clips().items() if not name.startswith("report-")}, self.clips("calm"))
        self.assertEqual(batching.temporaries(self.folder / "out"), [])
        self.assertEqual([event["id"] for event in self.told(job, 1) if event["event"] == "job_failed" and not event["again"]], [])


class WithoutRequeueExit(Case):
    def setUp(self):
        super().setUp()
        self.cluster.configure()
        self.slurm("scontrol", "reconfigure")
        self.addCleanup(self.slurm, "scontrol", "reconfigure")
        self.addCleanup(self.cluster.configure, "RequeueExit=75")

    def test_the_task_asks_itself(self):
        self.rows(3)
        self.calm()
        job = self.submit("--array=0-0")
        self.wait_for_steps(job, 0)
        self.signal(job, 0, signal.SIGTERM, b"slurm_script")
        self.wait_for(lambda: self.job(job + "_0").get("Restarts") == "1", 60)
        self.wait_for_end(job)
        self.check_completed(job, 0, 1)
        self.check_clips(job, (0,))

    def test_one_that_was_cancelled_stays_so(self):
        for settings in ([], ["RequeueExit=75"]):
            self.cluster.configure(*settings)
            self.slurm("scontrol", "reconfigure")
            shutil.rmtree(self.folder / "out", ignore_errors=True)
            self.rows(3)
            job = self.submit("--array=0-0", size=Nodes.LONG)
            self.wait_for_steps(job, 0)
            self.slurm("scancel", job + "_0")
            self.wait_for_end(job, 60)
            time.sleep(10)
            self.assertEqual((self.job(job + "_0")["JobState"], self.job(job + "_0")["Restarts"]), ("CANCELLED", "0"))
            self.assertEqual(batching.temporaries(self.folder / "out"), [])


def main():
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    if lacking or os.geteuid():
        print("skipped: " + ("no " + ", ".join(lacking) if lacking else "not root"))
        sys.exit(77)
    own = ["unshare", "--net", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"]
    if sys.argv[1:2] != ["inside"]:
        if call(*own, "true").returncode:
            print("skipped: namespaces are not permitted here")
            sys.exit(77)
        # Not below /tmp, of which each node has its own.
        os.environ["TMPDIR"] = "/var/tmp"
        sys.exit(subprocess.run([*own, sys.executable, "-B", __file__, "inside", *sys.argv[1:]]).returncode)
    tempfile.tempdir = os.environ.pop("TMPDIR")
    del sys.argv[1]
    try:
        harness.main()
    finally:
        if Case.cluster:
            shutil.rmtree(Case.cluster.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
