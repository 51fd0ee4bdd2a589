"""A whole machine: Debian's cloud kernel under QEMU, with an initramfs of the programs that the lab needs. What must not be
tried on the host (the root cgroup, the host's own namespace, power cuts) is tried there, and so is the oldest kernel that we
support. Everything stays below build/vm; nothing is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.lab import cases

TASKS = ("programs", "attacks", "self_test")
KERNEL_PACKAGE = "linux-image-cloud-amd64"
MODULES = """virtio_pci virtio_net veth bridge macvlan 8021q tun dummy vxlan wireguard sctp ipip ip_gre sit
nf_tables nft_ct nft_masq nft_chain_nat nft_reject_inet nft_fib_inet nft_socket nft_compat nfnetlink
esp4 esp6 xfrm_user xfrm_interface gcm ghash-generic aesni-intel aes_generic ctr cbc hmac sha256_generic sha512_generic authenc echainiv seqiv drbg
sch_ingress cls_bpf act_mirred tcp_diag udp_diag inet_diag packet_diag ipv6 af_packet""".split()
PROGRAMS = ["python3.11", "ip", "nft", "bpftool", "swanctl", "wg", "openssl"]
CHARON = ["/usr/lib/ipsec/charon", *(f"/usr/lib/ipsec/plugins/libstrongswan-{plugin}.so" for plugin in (
    "random", "nonce", "x509", "revocation", "constraints", "pubkey", "pkcs1", "pkcs8", "pkcs12", "pem", "openssl", "gcm", "kdf", "hmac",
    "sha1", "sha2", "aes", "md5", "eap-identity", "eap-mschapv2", "kernel-netlink", "kernel-libipsec", "socket-default", "vici", "updown"))]
_LIBRARY = Path("/usr/lib/python3.11")
_LEFT_OUT = {"test", "idlelib", "lib2to3", "ensurepip", "distutils", "pydoc_data", "turtledemo", "tkinter", "unittest", "sqlite3", "venv",
             "config-3.11-x86_64-linux-gnu", "asyncio", "curses", "dbm", "wsgiref", "xmlrpc", "email", "html", "http", "__phello__"}
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup; mount -t bpf bpf /sys/fs/bpf
for module in $(cat /modules/order); do insmod /modules/$module 2>/dev/null || echo "no module $module"; done
echo 1 > /proc/sys/net/core/fb_tunnels_only_for_init_net; ip link set lo up; hostname device
cd /lab
python3 -m tests.lab.vm_guest
poweroff -f
"""


class Machine:
    """The pieces of a machine, made once; then as many boots as wanted."""

    def __init__(self, build, folder=cases.ROOT / "build/vm"):
        self._build, self._folder = build, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.kernel, self._modules = self._get_kernel()
        self.initramfs = folder / "initramfs.cpio"
        self._make_initramfs()

    def _get_kernel(self):
        kernels = sorted(self._folder.glob("kernel/boot/vmlinuz-*"))
        if not kernels:
            depends = subprocess.run(["apt-cache", "depends", KERNEL_PACKAGE], capture_output=True, text=True, check=True).stdout
            package = re.search(r"Depends: (linux-image-\S+)", depends)[1]
            print(f"downloading {package}", file=sys.stderr)
            subprocess.run(["apt-get", "download", "-q", package], cwd=self._folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            archive = next(self._folder.glob(f"{package}_*.deb"))
            subprocess.run(["dpkg-deb", "-x", archive, self._folder / "kernel"], check=True)
            archive.unlink()
            kernels = sorted(self._folder.glob("kernel/boot/vmlinuz-*"))
        return kernels[-1], {path.name.removesuffix(".ko").replace("-", "_"): path for path in self._folder.glob("kernel/lib/modules/**/*.ko")}

    def _make_initramfs(self):
        root = self._folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        for folder in ("bin", "proc", "sys", "dev", "run", "tmp", "lab/tests", "lab/bin", "modules", "etc", "sbin", "usr/sbin"):
            (root / folder).mkdir(parents=True)
        shutil.copy2("/bin/busybox", root / "bin/busybox")
        (root / "init").write_text(INIT)
        (root / "init").chmod(0o755)
        (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
        (root / "modules/order").write_text("\n".join(self._copy_modules(root / "modules")) + "\n")
        own = [path for path in sorted(self._build.glob("bin/vpn*")) if path.name in ("vpnagentd", "vpnagentctl", "vpnprofile")]
        for path in own:
            subprocess.run(["strip", "-o", root / "lab/bin" / path.name, path], check=True)
        for path in self._build.glob("bpf/*.bpf.o"):
            shutil.copy2(path, root / "lab/bin")
        self._copy_python(root)
        self._copy_with_libraries(root, [Path(found) for name in PROGRAMS if (found := shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin"))]
                                  + [Path(name) for name in CHARON], own + sorted(_LIBRARY.glob("lib-dynload/*.so")))
        (root / "usr/bin/python3").symlink_to("python3.11")
        for part in ("lab", "attacks"):
            shutil.copytree(cases.ROOT / "tests" / part, root / "lab/tests" / part, ignore=shutil.ignore_patterns("__pycache__", "*.c", "*.txt"))
        if (cases.ROOT / "packaging").exists():
            shutil.copytree(cases.ROOT / "packaging", root / "lab/packaging")
        names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
        with self.initramfs.open("wb") as out:
            subprocess.run(["cpio", "--quiet", "-H", "newc", "-o", "-R", "0:0"], cwd=root, input=names, stdout=out, check=True)

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

        for name in MODULES:
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

    def boot(self, task, *, arguments=(), seconds=600, on_line=None):
        """Boots and has the guest do `task` (a function of tests/lab/vm_guest.py). Yields what it reports: dictionaries."""
        command = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "2", "-m", "1024", "-nodefaults", "-no-reboot", "-display", "none",
                   "-serial", "stdio", "-kernel", str(self.kernel), "-initrd", str(self.initramfs),
                   "-append", f"console=ttyS0 quiet loglevel=3 panic=-1 no_timer_check mitigations=off lab={task}", *arguments]
        log = (self._folder / f"{task}.log").open("w")
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace") as machine:
            deadline = time.monotonic() + seconds
            os.set_blocking(machine.stdout.fileno(), True)
            try:
                for line in machine.stdout:
                    log.write(line)
                    log.flush()
                    if on_line:
                        on_line(machine, line)
                    if line.startswith("@lab "):
                        yield json.loads(line[5:])
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"the machine was not done with {task} within {seconds} s: {log.name}")
            finally:
                machine.kill()
                log.close()


def results(build, tasks):
    """What came of each task, a boot each."""
    machine = Machine(build)
    for task in tasks:
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


def available():
    """A reason why there can be no machine, or None."""
    missing = [name for name in ("qemu-system-x86_64", "cpio", "dpkg-deb", "strip") if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else None
