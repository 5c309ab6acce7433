#!/usr/bin/env python3
"""Runs a bundle in an empty root folder that holds glibc, /proc, /tmp and a few devices: what every Linux has at least.

usage: bundle_test.py BUNDLE.tar.xz

Runs the program (devices, a piece of the demo, verify), scripts/gpu_check as a rehearsal, every unit and golden test of
the CPU backend, and every benchmark at toy size. Needs the rights to mount and to change the root folder, in a mount namespace of its own:
`unshare --mount`, and without being root `--user --map-root-user` too.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

GLIBC = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2")
# Not where the bundle was made: what it needs must be found from where it lies.
PLACE = "/somewhere/else"
LABELS = {"unit", "golden"}


class Failed(Exception):
    """Something in the bundle does not run; says what, with its output."""


def make_root(root, bundle):
    for folder in ("tmp", "lib64", "lib/x86_64-linux-gnu", PLACE[1:]):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    shutil.copy("/lib64/ld-linux-x86-64.so.2", root / "lib64")
    for library in GLIBC:
        shutil.copy(pathlib.Path("/lib/x86_64-linux-gnu") / library, root / "lib/x86_64-linux-gnu")
    with tarfile.open(bundle) as tar:
        tar.extractall(root / PLACE[1:])  # our own: no path in it leads out
    folders = list((root / PLACE[1:]).iterdir())
    if len(folders) != 1:
        raise Failed(f"{bundle} holds {len(folders)} things at its top, not one folder")
    return pathlib.Path(PLACE) / folders[0].name


@contextlib.contextmanager
def root_folder():
    """An empty folder with /proc and devices, which are gone before the folder is deleted."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as mounts:
        root = pathlib.Path(folder)
        (root / "dev").mkdir()
        for name in ("/proc", "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"):
            target = root / name[1:]
            if name == "/proc":
                target.mkdir()
            else:
                target.touch()
            subprocess.run(["mount", "--rbind", name, target], check=True)
            mounts.callback(subprocess.run, ["umount", "--lazy", target], check=True)
        yield root


class Bundle:
    def __init__(self, root, folder):
        self.root, self.folder = root, folder

    def path(self, name):
        return self.root / str(self.folder / name).lstrip("/")

    def run(self, *command, may_fail=False, **environment):
        def enter():
            os.chroot(self.root)
            os.chdir(self.folder)

        done = subprocess.run(command, preexec_fn=enter, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=600, check=False)
        if done.returncode != 0 and not may_fail:
            raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-4000:]}")
        return done

    def lithify(self, *arguments):
        return self.run("build/bin/lithify", *arguments).stdout

    def programs(self, kind):
        return [line.split() for line in self.path(f"build/{kind}/programs.txt").read_text().splitlines() if line]


def check_libraries(bundle):
    """Outside the root folder: everything but glibc comes from the bundle, wherever it lies."""
    programs = [path for kind in ("bin", "tests", "bench") for path in bundle.path("build/" + kind).iterdir()
                if os.access(path, os.X_OK)]
    found = subprocess.run(["ldd", *programs], stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in found.splitlines():
        words = line.split()
        if "=>" in words and words[0] not in GLIBC and not words[2].startswith(str(bundle.root)):
            raise Failed(f"{words[0]} comes from {words[2]}")


def check_program(bundle):
    if "cpu" not in bundle.lithify("devices"):
        raise Failed("devices names no cpu")
    bundle.lithify("run", "scripts/scenarios/demo.toml", "--device", "cpu", "--steps", "3", "--out", "/tmp/demo", "--set",
                   "world.crop=[0,0,256,256]")
    report = json.loads((bundle.root / "tmp/demo/summary.json").read_text())
    if (report["steps"], report["budget"]["residual"], report["warnings"]) != (3, "0", []):
        raise Failed(f"the demo ended with {report}")
    bundle.lithify("verify", "/tmp/demo/checkpoint-00000003.h5")


def check_rehearsal(bundle):
    """scripts/gpu_check needs a shell, so not in the root folder but from where the bundle lies in it."""
    done = subprocess.run(["scripts/gpu_check", "--rehearse", "--part", "2"], cwd=bundle.path("."), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0 or "=== digests: ok" not in done.stdout:
        raise Failed(f"scripts/gpu_check --rehearse: exit code {done.returncode}\n{done.stdout}")


def check_tests(bundle):
    failures = []
    for name, device, *labels in bundle.programs("tests"):
        if device != "cpu" or not LABELS & set(labels):
            continue
        done = bundle.run("build/tests/" + name, "--gtest_brief=1", may_fail=True, LITHIFY_TEST_DEVICE="cpu")
        if done.returncode != 0:
            failures.append(f"{name}:\n{done.stdout[-4000:]}")
        yield name
    if failures:
        raise Failed("\n".join(failures))


def check_benchmarks(bundle):
    for name, in bundle.programs("bench"):
        bundle.run("build/bench/" + name, "--benchmark_min_time=0.001", LITHIFY_BENCH_SMALL="1")
        yield name


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__, file=sys.stderr)
        return 2
    started = time.monotonic()
    try:
        with root_folder() as root:
            bundle = Bundle(root, make_root(root, sys.argv[1]))
            check_libraries(bundle)
            check_program(bundle)
            check_rehearsal(bundle)
            print("the program and the demo: ok")
            print(f"{len(list(check_tests(bundle)))} test programs: ok")
            print(f"{len(list(check_benchmarks(bundle)))} benchmark programs: ok")
    except (Failed, OSError, subprocess.SubprocessError, tarfile.TarError) as error:
        print(f"bundle: {error}", file=sys.stderr)
        return 1
    print(f"the bundle runs in an empty root folder ({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
