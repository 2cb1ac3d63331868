"""Batches that a scheduler starts, stops and starts again, and what samples/cluster has for that. A real Slurm is in
slow_slurm.py."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys

import batching
import harness
from batching import SMALL
from harness import INPUT, OK, TRY_AGAIN, USAGE
from test_resume import LONG, MEDIUM

CLUSTER = pathlib.Path(__file__).resolve().parents[2] / "samples" / "cluster"


def read_yaml(path):
    """By whichever Python of this machine has PyYAML; None where there is none."""
    program = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))"
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python):
            result = subprocess.run([python, "-c", program, path], capture_output=True, stdin=subprocess.DEVNULL)
            if not result.returncode:
                return json.loads(result.stdout)
    return None


def exit_codes():
    """{code: name of the error event} of the program's table, as its manual and overview have it."""
    overview = subprocess.run([harness.PROGRAM, "help"], capture_output=True, stdin=subprocess.DEVNULL, check=True).stdout.decode()
    return {int(code): words for code, words in re.findall(r"^ +(\d+)  (.*)$", overview[overview.index("exit codes:"):], re.M)}


class Requeue(batching.Case):
    def under_way(self, *arguments, steps=0):
        process = self.start(*arguments)
        for line in process.stdout:
            event = json.loads(line)
            if event.get("phase") == "unet" and event["step"] > steps:
                return process
        self.fail(process.communicate()[1])

    def steps(self, output):
        return [event["step"] for event in map(json.loads, output.splitlines()) if event.get("phase") == "unet"]

    def test_a_stop_has_the_code_that_schedulers_start_again_for(self):
        self.rows(2)
        first = self.arguments("--json", "--requeue", small=LONG)
        for arguments, number in ((first, signal.SIGTERM), (first, signal.SIGHUP), (["resume", "out", "--json", "--requeue"], signal.SIGTERM)):
            process = self.under_way(*arguments)
            process.send_signal(number)
            out, told = process.communicate(timeout=120)
            self.assertEqual(process.returncode, TRY_AGAIN, told)
            error = json.loads(out.splitlines()[-1])
            self.assertEqual((error["event"], error["status"], error["name"]), ("error", TRY_AGAIN, "try-again"))
            self.assertIn("2 of 2 jobs are left", error["message"])
        self.assertEqual(self.counts()["waiting"], 2)

    def test_a_render_goes_on_with_another_journal(self):
        """As on another machine, which sees clips and states and nothing else."""
        self.rows(1)
        self.batch(OK, "--journal", "calm.sqlite", out="calm", manifest="list.csv")
        self.expect(OK, *self.arguments("--overwrite", "--journal", "calm.sqlite", out="calm", small=MEDIUM))
        arguments = self.arguments("--json", "--requeue", "--states", "states", small=MEDIUM)
        process = self.under_way(*arguments, "--journal", "a.sqlite", steps=20)
        process.kill()
        process.communicate()
        self.assertEqual(len(os.listdir(self.folder / "states")), 1)
        result = self.expect(OK, *arguments, "--journal", "b.sqlite")
        self.assertGreater(min(self.steps(result.stdout)), 19)
        self.assertEqual(self.clips(), self.clips("calm"))
        self.assertEqual(os.listdir(self.folder / "states"), [])
        # The first finds it done.
        self.assertEqual(self.summary(self.expect(OK, *arguments, "--journal", "a.sqlite"))["recognised"], 1)

    def test_resume_knows_where_the_states_are(self):
        self.rows(1)
        process = self.under_way(*self.arguments("--json", "--states", "states", small=MEDIUM), steps=20)
        process.kill()
        process.communicate()
        self.assertGreater(min(self.steps(self.resume(OK, "--json").stdout)), 19)
        self.assertEqual(os.listdir(self.folder / "states"), [])

    def test_what_was_left_half_made(self):
        """Temporaries, and a clip that has its name while its sidecar has not: without a journal that knows of a dead worker
        only --requeue says that nobody is at them."""
        self.rows(1)
        self.batch(OK, out="calm")
        mine, strange = "out/.p0.mp4.packshot-01234567.tmp", "out/.q.mp4.packshot-01234567.tmp"
        for name in (mine, strange):
            self.write(name, b"half a clip")
        self.write("out/p0.mp4", self.clips("calm")["p0.mp4"])
        self.batch(INPUT, "--journal", "a.sqlite", says="p0.mp4")
        self.batch(OK, "--journal", "a.sqlite", "--requeue")
        self.assertEqual(self.clips().pop(os.path.basename(strange)), b"half a clip")
        os.unlink(self.folder / strange)
        self.assertEqual(self.clips(), self.clips("calm"))
        self.write("out/p0.mp4", b"somebody's")
        os.unlink(self.folder / "out/p0.mp4.json")
        self.batch(INPUT, "--journal", "a.sqlite", "--requeue", says="p0.mp4")
        self.assertEqual(self.clips(), {"p0.mp4": b"somebody's"})

    def test_two_that_do_not_know_of_each_other(self):
        """A machine that was taken for dead works on while another does the same."""
        self.rows(4)
        self.batch(OK, out="calm")
        processes = [self.start(*self.arguments("--json", "--requeue", "--journal", name, "--states", "states")) for name in ("a.sqlite", "b.sqlite")]
        for process in processes:
            told = process.communicate(timeout=300)[1]
            self.assertEqual(process.returncode, OK, told)
        self.assertEqual(self.clips(), self.clips("calm"))
        self.assertEqual(batching.temporaries(self.folder), [])
        self.assertEqual(os.listdir(self.folder / "states"), [])

    def test_the_other_names_the_clip_while_the_photo_is_read(self):
        """Held back by a photo that takes long to read; when it looked, the clip was not there."""
        self.list("photo,seed\np0.png,0\n")
        self.write("p0.png", harness.png(1600, 1200))
        self.batch(OK, out="calm")
        process = self.start(*self.arguments("--requeue", "--journal", "b.sqlite", "--states", "states"))
        self.hold_back_while_it_reads(process)
        self.batch(OK, "--requeue", "--journal", "a.sqlite", "--states", "states")
        process.send_signal(signal.SIGCONT)
        told = process.communicate(timeout=300)[1]
        self.assertEqual(process.returncode, OK, told)
        self.assertIn(b"to be tried again", told)
        self.assertEqual(self.clips(), self.clips("calm"))

    def hold_back_while_it_reads(self, process):
        """Stops the process in the middle of its job's photo, which a process of its own decodes."""
        tasks, journal = pathlib.Path("/proc/%d/task" % process.pid), self.folder / "b.sqlite"
        while process.poll() is None:
            if not journal.exists() or not any((task / "children").read_text() for task in tasks.iterdir()):
                continue
            with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % journal, uri=True)) as connection:
                if connection.execute("SELECT count(*) FROM jobs WHERE state = 'running'").fetchone()[0]:
                    process.send_signal(signal.SIGSTOP)
                    return
        self.fail(process.communicate()[1])

    def test_needs_sidecars(self):
        self.rows(1)
        self.batch(USAGE, "--requeue", "--no-sidecar", says="no-sidecar")


class Sbatch(batching.Case):
    """The script, with the variables that Slurm sets."""

    def begin(self, task, first=5, last=11, count=4, small=SMALL, **more):
        (self.folder / "bin").mkdir(exist_ok=True)
        if not (self.folder / "bin/packshot").exists():
            (self.folder / "bin/packshot").symlink_to(harness.PROGRAM)
            self.answer("scontrol", "exit 1")
            self.answer("squeue", "exit 1")
        settings = {"SLURM_ARRAY_JOB_ID": 77, "SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_MIN": first, "SLURM_ARRAY_TASK_MAX": last,
                    "SLURM_ARRAY_TASK_COUNT": count, "SLURM_JOB_ID": 78, "SLURM_TMPDIR": self.folder / "disk", **more}
        env = {**harness.environment(), **{name: str(value) for name, value in settings.items()},
               "PATH": "%s:%s" % (self.folder / "bin", os.environ["PATH"])}
        process = subprocess.Popen([CLUSTER / "packshot.sbatch", "list.csv", "out", "--model", self.model(), "--reproducible", "--json", *small],
                                   cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def answer(self, tool, command):
        """What a command of Slurm does here."""
        path = self.folder / "bin" / tool
        path.write_text("#!/bin/sh\n%s\n" % command)
        path.chmod(0o755)

    def run_task(self, task, code=OK, **more):
        process = self.begin(task, **more)
        out, told = process.communicate(timeout=300)
        self.assertEqual(process.returncode, code, told)
        return out, told

    def test_tasks_share_the_rows(self):
        self.rows(8)
        self.batch(OK, out="calm")
        for task in (5, 7, 9, 11):
            self.run_task(task)
        found = self.clips()
        reports = [json.loads(found["report-%d.json" % part]) for part in (1, 2, 3, 4)]
        self.assertEqual(len([name for name in found if re.fullmatch(r"report-[1-4]\.logs/\d+\.log", name)]), 8)
        self.assertEqual({name: content for name, content in found.items() if not name.startswith("report-")}, self.clips("calm"))
        self.assertEqual(sum(report["counts"]["done"] for report in reports), 8)
        self.assertEqual(sum(report["counts"]["total"] for report in reports), 8)
        self.assertEqual([path.name for path in (self.folder / "disk").rglob("*") if path.is_file()], [])

    def test_a_single_task(self):
        self.rows(1)
        self.run_task(0, first=0, last=0, count=1)
        self.assertIn("p0.mp4", self.clips())

    def test_gaps_are_refused(self):
        self.rows(1)
        told = self.run_task(2, USAGE, first=1, last=4, count=3)[1]
        self.assertIn(b"has gaps", told)
        self.assertEqual(self.clips(), {})

    def stop(self, how, code=TRY_AGAIN, **more):
        process = self.begin(0, first=0, last=0, count=1, small=LONG, **more)
        for line in process.stdout:
            if b'"unet"' in line:
                break
        how(process)
        told = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, code, told)
        return told

    def test_stops(self):
        """Slurm tells the script alone, or at once all that runs: packshot stops at a step either way."""
        self.rows(2)
        for how in (lambda process: process.send_signal(signal.SIGTERM), lambda process: os.killpg(process.pid, signal.SIGTERM)):
            self.assertIn(b"2 of 2 jobs are left", self.stop(how))
        self.assertIn(b"giving up", self.stop(lambda process: process.send_signal(signal.SIGTERM), 1, RESTARTS=3, SLURM_RESTART_COUNT=3))

    def test_asks_to_be_requeued_where_nobody_else_does(self):
        self.rows(1)
        self.stop(lambda process: process.send_signal(signal.SIGTERM))
        for setting, state, asked in (("(null)", "RUNNING", True), ("75", "RUNNING", False), ("1,75", "RUNNING", False), ("(null)", "CANCELLED", False)):
            self.answer("squeue", "echo " + state)
            self.answer("scontrol", '[ "$1" = requeue ] && echo "$2" >asked || echo "RequeueExit             = %s"' % setting)
            self.stop(lambda process: process.send_signal(signal.SIGTERM))
            self.assertEqual((self.folder / "asked").exists(), asked, (setting, state))
            if asked:
                self.assertEqual((self.folder / "asked").read_text(), "78\n")
                (self.folder / "asked").unlink()

    def test_another_s_folder(self):
        if os.geteuid():
            self.skipTest("not root")
        self.rows(1)
        folder = self.folder / "disk" / "packshot-0"
        folder.mkdir(parents=True)
        os.chown(folder, 65534, 65534)
        self.assertIn(b"belongs to somebody else", self.run_task(5, 8)[1])


# The fields of batch/v1 and core/v1 that a manifest here may have, and of what kind: a word misspelt is one that Kubernetes
# would pass over or refuse. From the reference of Kubernetes' API.
CONTAINER = {"name": str, "image": str, "command": [str], "args": [str], "env": [{"name": str, "value": str}],
             "resources": {"requests": {"cpu": str, "memory": str}, "limits": {"cpu": str, "memory": str, "nvidia.com/gpu": int}},
             "securityContext": {"allowPrivilegeEscalation": bool, "readOnlyRootFilesystem": bool, "capabilities": {"drop": [str]}},
             "volumeMounts": [{"name": str, "mountPath": str, "subPath": str, "readOnly": bool}]}
POD = {"restartPolicy": str, "terminationGracePeriodSeconds": int, "automountServiceAccountToken": bool, "containers": [CONTAINER],
       "securityContext": {"runAsNonRoot": bool, "runAsUser": int, "runAsGroup": int, "fsGroup": int, "seccompProfile": {"type": str}},
       "volumes": [{"name": str, "persistentVolumeClaim": {"claimName": str}, "emptyDir": {}}]}
JOB = {"apiVersion": str, "kind": str, "metadata": {"name": str},
       "spec": {"completionMode": str, "completions": int, "parallelism": int, "backoffLimitPerIndex": int,
                "podFailurePolicy": {"rules": [{"action": str, "onPodConditions": [{"type": str}],
                                                "onExitCodes": {"containerName": str, "operator": str, "values": [int]}}]},
                "template": {"spec": POD}}}


class Kubernetes(batching.Case):
    def setUp(self):
        super().setUp()
        documents = read_yaml(CLUSTER / "kubernetes.yaml")
        if documents is None:
            self.skipTest("no PyYAML")
        (self.job,) = documents
        self.spec = self.job["spec"]
        self.pod = self.spec["template"]["spec"]
        (self.container,) = self.pod["containers"]

    def hold(self, value, kind, where):
        if isinstance(kind, dict):
            self.assertIsInstance(value, dict, where)
            for name, part in value.items():
                self.assertIn(name, kind, where)
                self.hold(part, kind[name], "%s.%s" % (where, name))
        elif isinstance(kind, list):
            self.assertIsInstance(value, list, where)
            self.assertTrue(value, where)
            for part in value:
                self.hold(part, kind[0], where + "[]")
        else:
            self.assertIs(type(value), kind, where)

    def test_fields(self):
        self.hold(self.job, JOB, "job")
        self.assertEqual((self.job["apiVersion"], self.job["kind"], self.spec["completionMode"]), ("batch/v1", "Job", "Indexed"))
        # What podFailurePolicy asks for.
        self.assertEqual(self.pod["restartPolicy"], "Never")
        self.assertRegex(self.job["metadata"]["name"], r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
        self.assertLessEqual({mount["name"] for mount in self.container["volumeMounts"]}, {volume["name"] for volume in self.pod["volumes"]})
        self.assertEqual({entry["name"]: entry["value"] for entry in self.container["env"]}["SHARDS"], str(self.spec["completions"]))
        self.assertGreaterEqual(self.pod["terminationGracePeriodSeconds"], 30)

    def survives(self, value, copy, where):
        if isinstance(value, dict):
            self.assertLessEqual(set(value), set(copy), where)
        for part in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            self.survives(value[part], copy[part], "%s[%s]" % (where, part))

    def test_kubectl_knows_every_field(self):
        """It passes over what its types do not have."""
        if not shutil.which("kubectl"):
            self.skipTest("no kubectl")
        told = subprocess.run(["kubectl", "set", "image", "--local", "-f", CLUSTER / "kubernetes.yaml", "packshot=another", "-o", "json"],
                              capture_output=True, stdin=subprocess.DEVNULL)
        self.assertEqual(told.returncode, 0, told.stderr)
        if b"podFailurePolicy" not in told.stdout:
            self.skipTest("this kubectl is older than podFailurePolicy")
        self.survives(self.job, json.loads(told.stdout), "job")

    def test_exit_codes_are_the_programs(self):
        table, rules = exit_codes(), {}
        for rule in self.spec["podFailurePolicy"]["rules"]:
            self.assertEqual(len(rule), 2)
            if "onPodConditions" in rule:
                self.assertEqual((rule["action"], rule["onPodConditions"]), ("Ignore", [{"type": "DisruptionTarget"}]))
                continue
            codes = rule["onExitCodes"]
            self.assertEqual((codes["containerName"], codes["operator"]), (self.container["name"], "In"))
            self.assertEqual(codes["values"], sorted(set(codes["values"])))
            rules.setdefault(rule["action"], set()).update(codes["values"])
        self.assertEqual(rules, {"Ignore": {TRY_AGAIN}, "FailJob": {harness.USAGE, harness.INPUT, harness.CHECKPOINT},
                                 "FailIndex": {batching.SOME_FAILED}})
        for code in set().union(*rules.values()):
            self.assertIn(code, table)

    def test_the_pods_commands_make_every_clip_once(self):
        self.rows(6)
        self.batch(OK, out="calm")
        (self.folder / "bin").mkdir()
        (self.folder / "bin/packshot").symlink_to(harness.PROGRAM)
        (text,) = self.container["args"]
        self.assertTrue(text.startswith("exec "), "or SIGTERM would reach the shell alone")
        totals = []
        for index in range(self.spec["completions"]):
            (self.folder / ("local%d" % index)).mkdir()
            command = text.replace("/data/", "%s/" % self.folder).replace("/local/", "%s/local%d/" % (self.folder, index))
            command += " " + " ".join(["--model", self.model(), "--json", "--reproducible", *SMALL])
            env = {**harness.environment(), "PATH": "%s:%s" % (self.folder / "bin", os.environ["PATH"]), "JOB_COMPLETION_INDEX": str(index),
                   **{entry["name"]: entry["value"] for entry in self.container["env"]}}
            result = subprocess.run([*self.container["command"], command], env=env, cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL)
            self.assertEqual(result.returncode, OK, result.stderr)
            totals.append(self.summary(result)["counts"]["total"])
        self.assertEqual(sum(totals), 6)
        self.assertEqual(self.clips("clips"), self.clips("calm"))


class Documents(batching.Case):
    def test_codes_of_the_recipes_are_the_programs(self):
        table = exit_codes()
        text = (CLUSTER / "README.md").read_text()
        rows = re.findall(r"^\| (\d[\d, ]*) \|", text, re.M)
        self.assertTrue(rows)
        for row in rows:
            for code in re.findall(r"\d+", row):
                self.assertTrue(int(code) in table or int(code) > 128, code)
        self.assertLessEqual({0, 3, TRY_AGAIN}, {int(code) for row in rows for code in re.findall(r"\d+", row)})

    def test_container_installs_what_is_there(self):
        text = (CLUSTER / "Containerfile").read_text()
        for name in re.findall(r"\bsamples/[\w./-]+", text):
            self.assertTrue((CLUSTER.parents[1] / name).exists(), name)
        self.assertIn("\nUSER packshot\n", text)
        self.assertEqual(re.search(r"-t localhost/packshot:(\S+)", text).group(1),
                         re.search(r'#define PS_VERSION "(.*)"', (CLUSTER.parents[1] / "include/packshot.h").read_text()).group(1))

    def test_container_is_told_the_revision(self):
        """By its build argument, which the script that makes the package hands to the build; cmake is one that writes down its
        arguments here and fails."""
        text = (CLUSTER / "Containerfile").read_text()
        self.assertRegex(text, r"\nARG PACKSHOT_REVISION\nRUN samples/packaging/deb /deb\n")
        for page in (text, (CLUSTER / "README.md").read_text()):
            self.assertIn("--build-arg PACKSHOT_REVISION=$(git rev-parse --short=12 HEAD)", page)
        self.write("cmake", b'#!/bin/sh\nprintf "%s\\n" "$@" >words\nexit 1\n')
        (self.folder / "cmake").chmod(0o755)
        for revision in ("0123abcd", None):
            env = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "PACKSHOT_REVISION": revision}
            subprocess.run([CLUSTER.parents[1] / "samples/packaging/deb", "out"], cwd=self.folder, stdin=subprocess.DEVNULL,
                           env={name: value for name, value in env.items() if value is not None})
            self.assertIn(f"-DPACKSHOT_REVISION={revision or ''}", (self.folder / "words").read_text().splitlines())

    def test_script_is_shell(self):
        self.assertEqual(subprocess.run(["bash", "-n", CLUSTER / "packshot.sbatch"]).returncode, 0)


if __name__ == "__main__":
    harness.main()
