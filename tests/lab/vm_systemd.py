"""A machine that systemd starts: a small Debian on a disk, this product where its install target puts it, and its units enabled
as docs/operations.md says. Its network card is a TAP device of the lab's Wi-Fi: gateways, servers and the capture are outside of it."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.lab import cases, certificates, dhcp, openvpn, process, profiles, resolved, strongswan, vm_wire, wireguard, world
from tests.lab.frames import UDP, Leak
from tests.lab.machine import PROGRAMS, Machine

PACKAGES = ["systemd", "udev", "dbus", "dbus-daemon", "dbus-bin", "dbus-system-bus-common", "mount"]  # as installed here, without /etc
KMOD = "kmod"  # is unpacked: nobody needs it here
ENABLED = ["systemd-networkd", "vpn-lockdown", "vpnagentd", "lab-app", "lab-administrator"]
DAEMONS = ["wireguard-go", "openvpn"]
PORTS = [wireguard.PORT, openvpn.PORT]
# The policies that are not always-on have the agent look for a captive portal (S1.f).
PROBES = [Leak(destination=world.WIFI.router, protocol=UDP, port=53, token=b"connectivity-check")]
OFF = "systemd.mask=vpnagentd.service systemd.mask=vpn-lockdown.service"  # the words of docs/operations.md
TASKS = ("story", "again", "corrupt")
_NOT_COPIED = ("/etc/", "/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/bash-completion/", "/usr/share/zsh/",
               "/usr/lib/udev/hwdb", "/lib/udev/hwdb", "/usr/share/lintian/", "/usr/share/bug/", "/lib/systemd/system-generators/systemd-getty", "/var/")
_SIZE = 512 << 20
# No network card is known before udev has found it.
START = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
until [ -b /dev/vda ]; do sleep 0.1; done
mount -t ext4 /dev/vda /new
mount --move /dev /new/dev; umount /sys; umount /proc
# So that system calls that a unit's filter refuses are in the kernel's log.
export SYSTEMD_LOG_SECCOMP=1
exec switch_root /new /lib/systemd/systemd
"""
FILES = {
    "etc/hostname": "device\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/os-release": "ID=lab\nPRETTY_NAME=Lab\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/resolv.conf": f"nameserver {world.WIFI.router}\n",
    "etc/passwd": "root:x:0:0::/:/bin/sh\nmessagebus:x:100:100::/:/bin/false\nsystemd-network:x:998:998::/:/bin/false\nsystemd-resolve:x:996:996::/:/bin/false\n"
                  "nobody:x:65534:65534::/:/bin/sh\n",
    "etc/group": "".join(f"{name}:x:{number}:\n" for number, name in enumerate(
        "root adm tty disk kmem dialout cdrom floppy tape audio video lp kvm input render sgx utmp users".split()))
                 + "messagebus:x:100:\nsystemd-network:x:998:\nsystemd-journal:x:997:\nsystemd-resolve:x:996:\nnogroup:x:65534:\n",
    "etc/systemd/system/lab-app.service": """[Unit]
Description=An app that tries to get out, from as early as it can until the machine is off
DefaultDependencies=no
[Service]
WorkingDirectory=/lab
ExecStart=/usr/bin/python3 -B -m tests.lab.vm_services app
Restart=always
[Install]
WantedBy=sysinit.target
""",
    "etc/systemd/system/lab-administrator.service": """[Unit]
Description=Who does to the agent's service what happens to services
After=systemd-networkd.service vpnagentd.service
[Service]
WorkingDirectory=/lab
ExecStart=/usr/bin/python3 -Bu -m tests.lab.vm_services administrator
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
[Install]
WantedBy=multi-user.target
""",
    "etc/systemd/network/wire.network": f"""[Match]
Type=ether
[Network]
DHCP=ipv4
Address={world.WIFI.device6}/64
Gateway={world.WIFI.router6}
""",
}


class Wire(world.World):
    """A lab whose device is a machine: the link to its Wi-Fi ends in a TAP device."""

    def plug(self, access):
        self.places[access.name].ip("tuntap add device0 mode tap", f"addr add {access.router}/{access.prefix} dev device0",
                                    f"addr add {access.router6}/64 dev device0 nodad", "link set device0 up")


class SystemdMachine(Machine):
    def __init__(self, build, policies):
        """`policies`: folder of what compile_policy() wrote; "first" is installed."""
        self._policies = policies
        super().__init__(build)
        self.wire = self._folder / "systemd.pcap"

    def _make_initramfs(self):
        """It loads what the disk takes, and leaves all else to systemd."""
        self.initramfs, root = self._folder / "systemd.cpio", self._folder / "start"
        shutil.rmtree(root, ignore_errors=True)
        for folder in ("bin", "sbin", "usr/bin", "usr/sbin", "proc", "sys", "dev", "new", "modules"):
            (root / folder).mkdir(parents=True)
        shutil.copy2("/bin/busybox", root / "bin/busybox")
        (root / "init").write_text(START)
        (root / "init").chmod(0o755)
        (root / "modules/order").write_text("\n".join(self._copy_modules(root / "modules", ["virtio_pci", "virtio_blk", "ext4"])) + "\n")
        self._pack(root)
        self._make_disk()

    def _make_disk(self):
        root = self._folder / "system"
        shutil.rmtree(root, ignore_errors=True)
        for folder in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "proc", "sys", "dev", "run", "tmp", "var/lib", "var/log/journal", "var/tmp", "root", "etc/vpnprofile", "lab"):
            (root / folder).mkdir(parents=True)
        for folder in ("bin", "sbin", "lib", "lib64"):
            (root / folder).symlink_to(f"usr/{folder}")
        (root / "var/run").symlink_to("/run")
        self._copy_debian(root)
        self._copy_kernel_modules(root)
        self._install(root)
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        shutil.copytree(cases.ROOT / "tests/lab", root / "lab/tests/lab", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(self._policies, root / "lab/policies")
        subprocess.run(["systemctl", "--quiet", "--root", root, "enable", *ENABLED, *(["systemd-resolved"] if not resolved.available() else [])], check=True)
        (root / "etc/systemd/system/default.target").symlink_to("/lib/systemd/system/multi-user.target")
        for folder in ("etc", "var"):  # nothing here waits for what a first boot would make
            (root / folder / ".updated").touch()
        with self.disk.open("wb") as image:
            image.truncate(_SIZE)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "root_owner=0:0", "-d", root, self.disk], check=True)

    def _copy_debian(self, root):
        """systemd and what it starts, Python and what the agent starts; of small programs, busybox's."""
        listed = subprocess.run(["dpkg", "-L", *PACKAGES], capture_output=True, text=True, check=True).stdout.splitlines()
        paths = [Path(line) for line in listed if line.startswith("/") and not line.startswith(_NOT_COPIED)]
        files = [path for path in paths if path.is_symlink() or path.is_file()]
        for path in files:
            _copy(path, root / str(path).lstrip("/"))
        self._copy_python(root)
        programs = [Path(shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")) for name in [*PROGRAMS, *DAEMONS]]
        plugins = [*Path("/usr/lib/ipsec/plugins").glob("*.so"), *Path("/usr/lib").glob("*/ossl-modules/legacy.so")]
        needing = [path for path in files if path.is_file() and _is_program(path)] + sorted(Path("/usr/lib/python3.11").glob("lib-dynload/*.so"))
        if not resolved.available():
            shutil.copytree(resolved.UNPACKED, root, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("etc", "doc", "man"))
            needing.append(resolved.UNPACKED / "lib/systemd/systemd-resolved")
        own = [path for path in self._build.glob("bin/vpn*") if path.name in ("vpnagentd", "vpnagentctl", "vpnagent-dbus")]
        self._copy_with_libraries(root, programs + plugins, needing + own)
        (root / "usr/bin/python3").symlink_to("python3.11")
        (root / "usr/lib/ssl").mkdir(exist_ok=True)
        shutil.copy2("/etc/ssl/openssl.cnf", root / "usr/lib/ssl/openssl.cnf")
        shutil.copy2("/bin/busybox", root / "usr/bin/busybox")
        for line in subprocess.run(["/bin/busybox", "--list-full"], capture_output=True, text=True, check=True).stdout.splitlines():
            applet = root / "usr" / line.removeprefix("usr/")
            if applet.parent.exists() and not any((root / "usr" / folder / applet.name).exists() for folder in ("bin", "sbin")):
                applet.symlink_to("/usr/bin/busybox")

    def _copy_kernel_modules(self, root):
        """Where kmod looks for them: whoever needs one has the kernel ask for it. Without WireGuard: wireguard-go is tried."""
        release = self.kernel.name.removeprefix("vmlinuz-")
        source, target = self._folder / "kernel/lib/modules" / release, root / "lib/modules" / release
        for path in [*self._with_dependencies(name for name in self._wanted_modules if name != "wireguard"), *source.glob("modules.builtin*"), source / "modules.order"]:
            _copy(path, target / path.relative_to(source))
        kmod = self._get_file(KMOD, "bin/kmod")
        _copy(kmod, root / "usr/bin/kmod")
        for name in ("modprobe", "insmod", "rmmod", "lsmod", "depmod"):
            (root / "usr/sbin" / name).unlink(missing_ok=True)
            (root / "usr/bin" / name).unlink(missing_ok=True)
            (root / "usr/sbin" / name).symlink_to("/usr/bin/kmod")
        subprocess.run(["depmod", "-b", root, release], executable=kmod, check=True)

    def _install(self, root):
        """The install target, of which the package is made; then the policy and nothing else."""
        subprocess.run(["cmake", "--install", self._build, "--prefix", "/usr", "--strip"], env={**os.environ, "DESTDIR": str(root)}, check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(root / "usr/share/doc", ignore_errors=True)
        for path in self._policies.glob("first.vpnpolicy*"):
            _copy(path, root / "etc/vpnprofile" / path.name.replace("first", "device"))

    def start(self, outside, task, words="", keep=True):
        """A boot: (what was reported, frames beyond S1, frames of the app in the clear). Not `keep`: the disk is afterwards what it was."""
        drive = ["-drive", f"file={self.disk},format=raw,if=virtio,cache=writethrough", *([] if keep else ["-snapshot"])]
        network = vm_wire.options(self.wire, "tap,ifname=device0,script=no,downscript=no,vnet_hdr=off")
        kinds = []
        for kind in self.boot(f"systemd-{task}", arguments=[*network, *drive], words=f"systemd.show_status=0 {words}", place=outside.place.places["wifi"]):
            kinds.append(kind)
            if kind["kind"] == "policy":
                outside.wanted(kind["name"])
            if kind["kind"] == "cut":
                break  # closes the generator: the power is cut
        return kinds or [{"kind": "nothing"}], *vm_wire.judge(self.wire, PORTS, PROBES)


def _copy(path, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink():
        shutil.copy2(path, target, follow_symlinks=False)


def _is_program(path):
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


class Outside:
    """What is beyond the machine's wire: DHCP, and a gateway of each kind."""

    def __init__(self, build):
        self.place = place = Wire(accesses=(world.WIFI,))
        self.authority = certificates.Authority(place.folder / "ca")
        identity = self.authority.issue(strongswan.DEVICE_NAME)
        strongswan.gateway(place, self.authority)
        self._openvpn = openvpn.Gateway(place, self.authority).start()
        keys, gateway = wireguard.Keys(), wireguard.kind()(place.gateway, "wg0", place.outside)
        self._serve_wireguard = lambda: wireguard.serve(gateway, keys.public)
        self.policies = place.folder / "policies"
        always_on = profiles.always_on(identity, self.authority)
        for serial, (name, profile) in enumerate({"first": always_on, "openvpn": profiles.openvpn(self.authority, identity),
                                                  "wireguard": profiles.wireguard(keys.private, gateway.keys.public), "last": always_on}.items()):
            profiles.compile_policy(build / "bin/vpnprofile", self.policies, profile, name, serial=serial + 1)
        process.Child(_lease, namespace=place.places["wifi"], cgroup=place.outside)


    def wanted(self, policy):
        """The machine is about to take a policy: two gateways with one address inside would be in each other's way."""
        if policy == "wireguard":
            self._openvpn.stop()
            self._serve_wireguard()


def _lease(_channel):
    while True:
        dhcp.serve(world.WIFI.device, world.WIFI.router, 3600, requests=10**6)


_TITLES = {"story": "systemd: boot, lockdown, hand-over; the agent restarted, killed, hung, stopped, with a broken policy; other tunnels; power cut",
           "again": "systemd: the boot after a power cut; power cut", "corrupt": "systemd: a boot with a policy that is broken, until it is mended; shutdown"}


def results(build):
    """The host judges what leaves, the guest whether all that it was told to do has worked."""
    missing = [name for name in ("udevadm", "mkfs.ext4", "dbus-daemon", "busctl") if not shutil.which(name)]
    if missing:
        yield cases.Result(_TITLES["story"], "vm", 0, 0, 0, "skipped", f"not installed: {', '.join(missing)}")
        return
    outside = Outside(build)
    machine = SystemdMachine(build, outside.policies)
    kinds, _, control = machine.start(outside, "unguarded", OFF, keep=False)
    for task in TASKS:
        if kinds[-1]["kind"] not in ("done", "cut"):
            result = cases.Result(_TITLES[task], "vm", 1, 0, 0, "failed", f"the boot before: {kinds[-1].get('text', 'it ended before it was done')}")
        else:
            kinds, beyond, _ = machine.start(outside, task)
            result = _judged(task, kinds, control, beyond)
        yield result


def _judged(task, kinds, control, beyond):
    result = cases.Result(_TITLES[task], "vm", 1, len(control), len(beyond), examples=[str(frame) for frame in beyond[:5]])
    if kinds[-1]["kind"] not in ("done", "cut"):
        result.result, result.reason = "failed", kinds[-1].get("text", "the machine ended before it was done")
        return result
    result.reason = "; ".join(kind["text"] for kind in kinds if kind["kind"] == "told")
    return cases.judge(result, 0)
