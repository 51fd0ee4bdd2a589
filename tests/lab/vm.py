"""A whole machine: Debian's cloud kernel under QEMU, with an initramfs of the programs that the lab needs. What must not be
tried on the host (the root cgroup, the host's own namespace, power cuts) is tried there, and so is the oldest kernel that we
support. Everything stays below build/vm; nothing is installed."""

import json
import random
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from tests.lab import cases, certificates, profiles, strongswan, vm_wire

SHORT = ("programs", "boot", "cuts", "kills", "tunnels", "wifi", *(f"attacks-{status}-{part}" for status in ("connected", "killed") for part in (0, 1)))
TASKS = (*SHORT, *(f"self-test-{part}" for part in range(4)))
SECONDS = 900  # for a task: under TCG, beside whatever else the host does
CUTS, FULL_CUTS = 3, 100
KERNEL_PACKAGE = "linux-image-cloud-amd64"
WIFI_KERNEL_PACKAGE = "linux-image-amd64"  # the cloud's has no Wi-Fi
MODULES = """virtio_pci virtio_net virtio_blk veth bridge bonding team team_mode_activebackup macvlan 8021q tun dummy vxlan wireguard sctp ipip ip_gre sit
nf_tables nft_ct nft_masq nft_chain_nat nft_reject_inet nft_fib_inet nft_socket nft_compat nfnetlink
esp4 esp6 xfrm_user xfrm_interface gcm ghash-generic aesni-intel aes_generic ctr cbc hmac sha256_generic sha512_generic authenc echainiv seqiv drbg
sch_ingress cls_bpf act_mirred tcp_diag udp_diag inet_diag packet_diag ipv6 af_packet""".split()
PROGRAMS = ["python3.11", "ip", "nft", "bpftool", "swanctl", "wg", "openssl", "charon-systemd"]
WIFI_MODULES = ["crc32c_generic", "mac80211_hwsim"]  # the first is built into the other kernel
WIFI_PACKAGES = ["hostapd", "iw"]  # unpacked, not installed: hostapd's would start a service
CHARON = [Path("/usr/lib/ipsec/charon"), *Path("/usr/lib/ipsec/plugins").glob("*.so")]
_LIBRARY = Path("/usr/lib/python3.11")
_LEFT_OUT = {"test", "idlelib", "lib2to3", "ensurepip", "distutils", "pydoc_data", "turtledemo", "tkinter", "unittest", "sqlite3", "venv",
             "config-3.11-x86_64-linux-gnu", "asyncio", "curses", "dbm", "wsgiref", "xmlrpc", "email", "html", "http", "__phello__"}
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev; ln -s /proc/self/fd /dev/fd; ln -s fd/0 /dev/stdin
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup; mount -t bpf bpf /sys/fs/bpf
for module in $(cat /modules/order); do options=; [ $module = bonding.ko ] && options=max_bonds=0; [ $module = mac80211_hwsim.ko ] && options=radios=3; insmod /modules/$module $options 2>/dev/null || echo "no module $module"; done
if [ -b /dev/vda ]; then mkdir -p /state; mount -t ext4 /dev/vda /state; fi
echo 1 > /proc/sys/net/core/fb_tunnels_only_for_init_net; ip link set lo up; hostname device
cd /lab
python3 -m tests.lab.vm_guest
poweroff -f
"""


class Machine:
    """The pieces of a machine, made once; then as many boots as wanted."""

    def __init__(self, build, folder=cases.ROOT / "build/vm", kernel_package=KERNEL_PACKAGE, modules=(), packages=()):
        """`modules` and `packages` are beyond what every machine has; of the packages, their programs."""
        self._build, self._folder = build, folder
        self._kernel_package, self._wanted_modules = kernel_package, [*modules, *MODULES]
        self.wire, self.disk = folder / "wire.pcap", folder / "state.img"
        folder.mkdir(parents=True, exist_ok=True)
        self.kernel, self._modules = self._get_kernel()
        self._programs = [self._get_program(package) for package in packages]
        self.initramfs = folder / "initramfs.cpio"
        self._make_initramfs()

    def _get_kernel(self):
        kernels = sorted(self._folder.glob("kernel/boot/vmlinuz-*"))
        if not kernels:
            depends = subprocess.run(["apt-cache", "depends", self._kernel_package], capture_output=True, text=True, check=True).stdout
            self._unpack(re.search(r"Depends: (linux-image-\S+)", depends)[1], self._folder / "kernel")
            kernels = sorted(self._folder.glob("kernel/boot/vmlinuz-*"))
        return kernels[-1], {path.name.removesuffix(".ko").replace("-", "_"): path for path in self._folder.glob("kernel/lib/modules/**/*.ko")}

    def _get_program(self, package):
        """The program of a package's own name."""
        find = lambda: next(self._folder.glob(f"packages/**/sbin/{package}"), None)  # noqa: E731
        if not find():
            self._unpack(package, self._folder / "packages")
        return find()

    def _unpack(self, package, target):
        print(f"downloading {package}", file=sys.stderr)
        subprocess.run(["apt-get", "download", "-q", package], cwd=self._folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        archive = next(self._folder.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
        archive.unlink()

    def _make_initramfs(self):
        root = self._folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        for folder in ("bin", "proc", "sys", "dev", "run", "tmp", "lab/tests", "lab/bin", "lab/boot", "modules", "etc", "sbin", "usr/sbin", "usr/lib/ssl"):
            (root / folder).mkdir(parents=True)
        shutil.copy2("/bin/busybox", root / "bin/busybox")
        (root / "init").write_text(INIT)
        (root / "init").chmod(0o755)
        (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\n")
        shutil.copy2("/etc/ssl/openssl.cnf", root / "usr/lib/ssl/openssl.cnf")
        self._make_policy(root / "lab/boot")
        (root / "modules/order").write_text("\n".join(self._copy_modules(root / "modules")) + "\n")
        own = [path for path in sorted(self._build.glob("bin/vpn*")) if path.name in ("vpnagentd", "vpnagentctl", "vpnprofile")]
        for path in own:
            subprocess.run(["strip", "-o", root / "lab/bin" / path.name, path], check=True)
        for path in self._build.glob("bpf/*.bpf.o"):
            shutil.copy2(path, root / "lab/bin")
        self._copy_python(root)
        self._copy_with_libraries(root, [Path(found) for name in PROGRAMS if (found := shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin"))]
                                  + CHARON + sorted(Path("/usr/lib").glob("*/ossl-modules/legacy.so")), own + self._programs + sorted(_LIBRARY.glob("lib-dynload/*.so")))
        for program in self._programs:
            shutil.copy2(program, root / "usr/sbin")
        (root / "usr/bin/python3").symlink_to("python3.11")
        (root / "var").mkdir(exist_ok=True)
        (root / "var/run").symlink_to("/run")
        for part in ("lab", "attacks"):
            shutil.copytree(cases.ROOT / "tests" / part, root / "lab/tests" / part, ignore=shutil.ignore_patterns("__pycache__", "*.c", "*.txt"))
        if (cases.ROOT / "packaging").exists():
            shutil.copytree(cases.ROOT / "packaging", root / "lab/packaging")
        names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
        with self.initramfs.open("wb") as out:
            subprocess.run(["cpio", "--quiet", "-H", "newc", "-o", "-R", "0:0"], cwd=root, input=names, stdout=out, check=True)

    def _make_policy(self, folder):
        """Always-on: of a machine whose gateway nobody ever reaches."""
        with tempfile.TemporaryDirectory() as name:
            authority = certificates.Authority(Path(name))
            profile = profiles.always_on(authority.issue(strongswan.DEVICE_NAME), authority)
        profiles.compile_policy(self._build / "bin/vpnprofile", folder, profile)

    def _copy_modules(self, folder):
        """Each after those it depends on; what is built in has no file."""
        order = []

        def add(name):
            path = self._modules.get(name.replace("-", "_"))
            if path is None or path.name in order:
                return
            depends = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
            for other in depends[1].decode().split(",") if depends and depends[1] else ():
                add(other)
            order.append(path.name)
            shutil.copy2(path, folder / path.name)

        for name in self._wanted_modules:
            add(name)
        return order

    @staticmethod
    def _copy_python(root):
        ignore = lambda _folder, names: [name for name in names if name in _LEFT_OUT]  # noqa: E731
        shutil.copytree(_LIBRARY, root / str(_LIBRARY).lstrip("/"), ignore=ignore, symlinks=False, ignore_dangling_symlinks=True)

    @staticmethod
    def _copy_with_libraries(root, files, needing):
        found = set(files)
        done = subprocess.run(["ldd", *map(str, [*files, *needing])], capture_output=True, text=True)
        found |= {Path(path) for path in re.findall(r"(?:=> )?(/\S+) \(0x", done.stdout)}
        for path in found:
            target = root / str(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path.resolve(), target)

    def boot(self, task, *, arguments=(), seconds=SECONDS, on_line=None):
        """Boots and has the guest do `task` (tests/lab/vm_guest.py). Yields what it reports: dictionaries. It is cut off where it
        takes longer, or when the caller closes the generator."""
        command = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "2", "-m", "1024", "-nodefaults", "-no-reboot", "-display", "none",
                   "-serial", "stdio", "-kernel", str(self.kernel), "-initrd", str(self.initramfs),
                   "-append", f"console=ttyS0 quiet loglevel=3 panic=-1 no_timer_check mitigations=off lab={task}", *map(str, arguments)]
        with (self._folder / f"{task}.log").open("w") as log, \
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace") as machine:
            deadline = threading.Timer(seconds, machine.kill)
            deadline.start()
            try:
                for line in machine.stdout:
                    log.write(line)
                    log.flush()
                    if on_line:
                        on_line(machine, line)
                    if line.startswith("@lab "):
                        yield json.loads(line[5:])
            finally:
                deadline.cancel()
                machine.kill()

    def cut(self, seconds):
        """A boot whose power is cut so many seconds after the network is there. (what it said last, seconds since the network)."""
        last, start, timer = "nothing", time.monotonic(), None

        def heard(machine, line):
            nonlocal last, start, timer
            if line.startswith("@lab "):
                last = json.loads(line[5:])["kind"]
            if last == "network" and timer is None:
                start, timer = time.monotonic(), threading.Timer(seconds, machine.kill)
                timer.start()

        for _ in self.boot("cuts", arguments=[*vm_wire.options(self.wire), *self._drive()], on_line=heard):
            pass
        if timer:
            timer.cancel()
        return last, time.monotonic() - start

    def _drive(self):
        return ["-drive", f"file={self.disk},format=raw,if=virtio,cache=writethrough"]

    def new_disk(self):
        with self.disk.open("wb") as file:
            file.truncate(32 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.disk], check=True)


def results(build, tasks, full=False):
    """What came of each task."""
    plain = [task for task in tasks if task != "wifi"]
    machine = Machine(build) if plain else None
    if "wifi" in tasks:
        yield from _inside(Machine(build, cases.ROOT / "build/vm/wifi", WIFI_KERNEL_PACKAGE, WIFI_MODULES, WIFI_PACKAGES), "wifi")
    for task in plain:
        if task in ("boot", "kills"):
            yield _boot(machine, task)
        elif task == "cuts":
            yield _cuts(machine, FULL_CUTS if full else CUTS)
        else:
            yield from _inside(machine, task)


def _inside(machine, task):
    """The guest judges."""
    ended = "the machine ended before it was done"
    for report in machine.boot(task):
        kind = report.pop("kind")
        if kind == "kernel":
            print(f"     machine with Linux {report['release']}: {task}", file=sys.stderr)
        elif kind == "result":
            yield cases.Result(**report)
        elif kind in ("error", "done"):
            ended = report.get("text", "")
    if ended:
        yield cases.Result(f"machine: {task}", "vm", 1, 0, 0, "failed", ended)


_TITLES = {"boot": "boot: lockdown, network, agent, hand-over, as the host sees it", "kills": "boot, and the agent killed ten times at random moments",
           "cuts": "power cuts at random moments of the boot, the agent's state on a disk"}


def _boot(machine, task):
    """The host judges."""
    _, _, control = _watched(machine, "boot-unguarded")
    kinds, beyond, _ = _watched(machine, task)
    result = cases.Result(_TITLES[task], "vm", 1, len(control), len(beyond), examples=[str(frame) for frame in beyond[:5]])
    if kinds[-1]["kind"] != "done":
        result.result, result.reason = "failed", kinds[-1].get("text", "the machine ended before it was done")
        return result
    result.reason = f"{next(kind['tried'] for kind in kinds if kind['kind'] == 'load')['tried']} packets tried"
    return cases.judge(result, 0)


def _watched(machine, task):
    """(what was reported, frames beyond S1, frames of the load)."""
    kinds = list(machine.boot(task, arguments=vm_wire.options(machine.wire))) or [{"kind": "nothing"}]
    return kinds, *vm_wire.judge(machine.wire)


def _cuts(machine, count):
    """The state that the cuts leave on the disk has to do for the next start."""
    seed = secrets.randbits(32)
    rng = random.Random(seed)
    result = cases.Result(_TITLES["cuts"], "vm", count, len(_watched(machine, "boot-unguarded")[2]), 0)
    machine.new_disk()
    reached, whole = Counter(), SECONDS
    for number in range(count + 2):
        uncut = number in (0, count + 1)
        last, took = machine.cut(SECONDS if uncut else rng.random() * whole)
        beyond, _ = vm_wire.judge(machine.wire)
        result.guarded_leaked += len(beyond)
        result.examples += [str(frame) for frame in beyond[:3]]
        if not uncut:
            reached[last] += 1
        elif last == "done":
            whole = took
        else:
            result.result, result.reason = "failed", f"seed {seed}: boot {number} came to its {last} only: {machine.wire.with_name('cuts.log')}"
            return result
    result.reason = f"seed {seed}; cut after: {dict(reached)}"
    return cases.judge(result, 0)


def available():
    """A reason why there can be no machine, or None."""
    missing = [name for name in ("qemu-system-x86_64", "cpio", "dpkg-deb", "strip") if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else None
