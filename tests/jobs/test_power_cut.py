"""Cuts the power under a journal on a file system of its own: what was said to be done is done after it.

usage: test_power_cut.py WORKER
WORKER is the program power_cut. Needs root, a loop device and mkfs.ext4, or mkfs.xfs for that too; exits 77 where it has
not even the first. What is mounted is seen by nobody else and goes with this process.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

CUTS = 6
FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
# An ext4 of that size has a journal; xfs asks for 300 MiB.
SYSTEMS = {"ext4": 64 << 20, "xfs": 320 << 20}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def mount(image, folder):
    return run("mount", "-o", "loop", image, folder).returncode == 0


def cut(worker, image, folder, said, seconds):
    """Lets the worker work for a while, cuts the power, and mounts what is left."""
    with open(said, "a", encoding="utf-8") as to:
        process = subprocess.Popen([worker, f"{folder}/journal", "work"], stdout=to, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    root = os.open(folder, os.O_RDONLY)
    # What is said while the file system goes down is no promise: an fsync that meets xfs's shutdown may end with success.
    told = os.path.getsize(said)
    fcntl.ioctl(root, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    os.close(root)
    process.kill()
    process.wait()
    os.truncate(said, told)
    for _ in range(100):
        if run("umount", folder).returncode == 0:
            break
        time.sleep(0.1)
    assert mount(image, folder), "the file system cannot be mounted after the cut"


def play(worker, system, place):
    """What went wrong on a file system, or None; False where it cannot be had here."""
    image, folder, said = (os.path.join(place, f"{system}{part}") for part in (".img", "", ".said"))
    with open(image, "wb") as file:
        file.truncate(SYSTEMS[system])
    os.mkdir(folder)
    force = "-F" if system == "ext4" else "-f"
    if not shutil.which(f"mkfs.{system}") or run(f"mkfs.{system}", "-q", force, image).returncode or not mount(image, folder):
        return False
    try:
        made = run(worker, f"{folder}/journal", "make")
        if made.returncode:
            return made.stderr
        for number in range(CUTS):
            cut(worker, image, folder, said, 0.1 + 0.13 * number)
            checked = run(worker, f"{folder}/journal", "check", said)
            if checked.returncode:
                return f"after cut {number + 1}: {checked.stderr}"
        with open(said, encoding="utf-8") as file:
            ended = len(file.readlines())
        print(f"{system}: {CUTS} cuts, {ended} jobs said to be done, all of them are")
        return None if ended else "no job was ended before a cut"
    finally:
        run("umount", folder)


def main(arguments):
    if os.geteuid() or not shutil.which("unshare"):
        print("skipped: power is cut by root alone")
        return 77
    if len(arguments) == 1 and run("unshare", "-m", "true").returncode:
        print("skipped: no mount namespace may be had here")
        return 77
    if len(arguments) == 1:
        # A mount namespace of its own, so that nothing stays mounted whatever happens to this process.
        return subprocess.run(["unshare", "-m", sys.executable, "-B", __file__, arguments[0], "inside"]).returncode
    with tempfile.TemporaryDirectory() as place:
        outcomes = [play(arguments[0], system, place) for system in SYSTEMS]
    for problem in filter(None, outcomes):
        print(problem)
    if any(outcomes):
        return 1
    return 77 if all(outcome is False for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
