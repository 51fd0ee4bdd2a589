"""A whole machine: Debian's cloud kernel under QEMU, with an initramfs of the programs that the lab needs. What must not be
tried on the host (the root cgroup, the host's own namespace, power cuts) is tried there, and so is the oldest kernel that we
support. Everything stays below build/vm; nothing is installed."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.lab import cases, certificates, profiles, strongswan, vm_wire

SECONDS = 900  # for a boot: under TCG, beside whatever else the host does
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
        self._programs = [self._get_file(package, f"sbin/{package}") for package in packages]
        self.initramfs = folder / "initramfs.cpio"
        self._make_initramfs()

    def _get_kernel(self):
        kernels = sorted(self._folder.glob("kernel/boot/vmlinuz-*"))
        if not kernels:
            depends = subprocess.run(["apt-cache", "depends", self._kernel_package], capture_output=True, text=True, check=True).stdout
            self._unpack(re.search(r"Depends: (linux-image-\S+)", depends)[1], self._folder / "kernel")
            kernels = sorted(self._folder.glob("kernel/boot/vmlinuz-*"))
        return kernels[-1], {path.name.removesuffix(".ko").replace("-", "_"): path for path in self._folder.glob("kernel/lib/modules/**/*.ko")}

    def _get_file(self, package, path):
        """A file of a package that nobody needs here otherwise."""
        find = lambda: next(self._folder.glob(f"packages/**/{path}"), None)  # noqa: E731
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
        self._pack(root)

    def _pack(self, root):
        names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
        with self.initramfs.open("wb") as out:
            subprocess.run(["cpio", "--quiet", "-H", "newc", "-o", "-R", "0:0"], cwd=root, input=names, stdout=out, check=True)

    def _make_policy(self, folder):
        """Always-on: of a machine whose gateway nobody ever reaches."""
        with tempfile.TemporaryDirectory() as name:
            authority = certificates.Authority(Path(name))
            profile = profiles.always_on(authority.issue(strongswan.DEVICE_NAME), authority)
        profiles.compile_policy(self._build / "bin/vpnprofile", folder, profile)

    def _with_dependencies(self, wanted):
        """Files of modules, each after those it depends on; what is built in has no file."""
        order = []

        def add(name):
            path = self._modules.get(name.replace("-", "_"))
            if path is None or path in order:
                return
            depends = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
            for other in depends[1].decode().split(",") if depends and depends[1] else ():
                add(other)
            order.append(path)

        for name in wanted:
            add(name)
        return order

    def _copy_modules(self, folder, wanted=None):
        """Their names, in the order in which they are to be loaded."""
        order = self._with_dependencies(wanted or self._wanted_modules)
        for path in order:
            shutil.copy2(path, folder / path.name)
        return [path.name for path in order]

    @staticmethod
    def _copy_python(root):
        ignore = lambda _folder, names: [name for name in names if name in _LEFT_OUT]  # noqa: E731
        shutil.copytree(_LIBRARY, root / str(_LIBRARY).lstrip("/"), ignore=ignore, symlinks=False, ignore_dangling_symlinks=True)

    @staticmethod
    def _copy_with_libraries(root, files, needing):
        # libgcc_s is loaded by the C library when a thread is cancelled, as swanctl does.
        found = {*files, *Path("/lib").glob("*-linux-gnu/libgcc_s.so.1")}
        done = subprocess.run(["ldd", *map(str, [*files, *needing])], capture_output=True, text=True)
        found |= {Path(path) for path in re.findall(r"(?:=> )?(/\S+) \(0x", done.stdout)}
        for path in found:
            target = root / str(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path.resolve(), target)

    def boot(self, task, *, arguments=(), words="", place=None, seconds=SECONDS, on_line=None):
        """Boots and has the guest do `task` (tests/lab/vm_guest.py). Yields what it reports: dictionaries. It is cut off where it
        takes longer, or when the caller closes the generator. `words`: more for the kernel's command line; `place`: the namespace
        whose links the machine's network is."""
        command = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "2", "-m", "1024", "-nodefaults", "-no-reboot", "-display", "none",
                   "-serial", "stdio", "-kernel", str(self.kernel), "-initrd", str(self.initramfs),
                   "-append", f"console=ttyS0 quiet loglevel=3 panic=-1 no_timer_check mitigations=off lab={task} {words}", *map(str, arguments)]
        with place.inside() if place else contextlib.nullcontext():
            started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
        with (self._folder / f"{task}.log").open("w") as log, started as machine:
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
