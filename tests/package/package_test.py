"""What the Debian package holds, and that it works from where it is unpacked. DEB names the package; without it, CPack makes one
from the build in BUILD."""
import gzip
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def call(*words, **more):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False, timeout=120, **more)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="vpnprofile-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        if "DEB" in os.environ:
            cls.deb = pathlib.Path(os.environ["DEB"]).resolve()
        else:
            made = call("cpack", "-G", "DEB", "-B", cls.folder / "made", cwd=os.environ["BUILD"])
            assert made.returncode == 0, made.stdout + made.stderr
            (cls.deb,) = (cls.folder / "made").glob("*.deb")
        cls.root = cls.folder / "root"
        unpacked = call("dpkg-deb", "-x", cls.deb, cls.root)
        assert unpacked.returncode == 0, unpacked.stderr

    def field(self, name):
        return call("dpkg-deb", "-f", self.deb, name).stdout.strip()

    def files(self):
        return {str(p.relative_to(self.root)) for p in self.root.rglob("*") if not p.is_dir()}

    def test_control(self):
        self.assertEqual(self.field("Package"), "vpnprofile")
        version = self.field("Version")
        self.assertTrue((SOURCE / "packaging/changelog").read_text().startswith(f"vpnprofile ({version}) "))
        depends = self.field("Depends")
        for name in ("nftables", "libc6", "libssl3", "libbpf1", "libnftables1", "libmnl0", "libplist3", "libldns3", "libpcap0.8"):
            self.assertIn(name, depends)

    def test_nothing_runs_unasked(self):
        """No script of the maintainer, and no link that would start a unit."""
        members = call("dpkg-deb", "--ctrl-tarfile", self.deb)
        self.assertEqual(members.returncode, 0)
        control = self.folder / "control"
        call("dpkg-deb", "-e", self.deb, control)
        self.assertLessEqual({p.name for p in control.iterdir()}, {"control", "md5sums"})
        self.assertFalse([f for f in self.files() if ".wants/" in f or ".requires/" in f or f.startswith("etc/")])

    def test_files(self):
        pages = {f"usr/share/man/man{n[-1]}/{n}.gz" for n in ("vpnprofile.1", "vpnagentctl.1", "vpnagentd.8", "vpnagent-dbus.8")}
        programs = {"usr/bin/vpnprofile", "usr/bin/vpnagentctl", "usr/sbin/vpnagentd", "usr/sbin/vpnagent-dbus"}
        completions = set()
        for name in ("vpnprofile", "vpnagentctl", "vpnagentd", "vpnagent-dbus"):
            completions |= {f"usr/share/bash-completion/completions/{name}", f"usr/share/zsh/vendor-completions/_{name}",
                            f"usr/share/fish/vendor_completions.d/{name}.fish"}
        units = {"usr/lib/systemd/system/vpnagentd.service", "usr/lib/systemd/system/vpn-lockdown.service",
                 "usr/lib/systemd/system/vpnagent-dbus.service", "usr/share/dbus-1/system.d/org.vpnprofile.Agent1.conf",
                 "usr/share/dbus-1/system-services/org.vpnprofile.Agent1.service", "usr/share/polkit-1/actions/org.vpnprofile.agent.policy",
                 "usr/lib/vpnprofile/lockdown.nft"}
        about = {"usr/share/lintian/overrides/vpnprofile"}
        have = {f for f in self.files() if not f.startswith("usr/share/doc/vpnprofile/")}
        self.assertEqual(have, pages | programs | completions | units | about)
        documents = {f.removeprefix("usr/share/doc/vpnprofile/") for f in self.files() if f.startswith("usr/share/doc/")}
        self.assertLessEqual({"copyright", "changelog.gz", "README.md", "CHANGELOG.md", "docs/cli.md", "docs/operations.md",
                              "docs/findings.md", "profiles/always-on.mobileconfig", "profiles/always-on.test.yaml"}, documents)
        listed = call("dpkg-deb", "-c", self.deb).stdout.splitlines()
        for line in listed:
            self.assertRegex(line, r"^\S+ root/root ")
        for name in programs:
            mode = stat.S_IMODE((self.root / name).stat().st_mode)
            self.assertEqual(mode, 0o700 if name == "usr/sbin/vpnagentd" else 0o755, name)

    def test_units_start_what_the_package_has(self):
        for unit in (self.root / "usr/lib/systemd/system").iterdir():
            for line in unit.read_text().splitlines():
                if line.startswith("Exec") and "/usr/" in line:
                    for word in line.split("=", 1)[1].lstrip("-+!@").split():
                        if word.startswith(("/usr/sbin/vpn", "/usr/bin/vpn", "/usr/lib/vpnprofile")):
                            self.assertTrue((self.root / word[1:]).exists(), f"{unit.name}: {line}")

    def test_man_pages(self):
        for page in (self.root / "usr/share/man").rglob("*.gz"):
            formatted = call("groff", "-man", "-Tutf8", "-Kutf8", "-ww", input=gzip.decompress(page.read_bytes()).decode())
            self.assertEqual((formatted.returncode, formatted.stderr), (0, ""), page.name)
            self.assertIn(page.name.split(".")[0], formatted.stdout)

    def test_completions(self):
        folders = {"bash": "bash-completion/completions", "zsh": "zsh/vendor-completions", "fish": "fish/vendor_completions.d"}
        for shell, folder in folders.items():
            if shutil.which(shell):
                for script in (self.root / "usr/share" / folder).iterdir():
                    checked = call(shell, "-n", script)
                    self.assertEqual((checked.returncode, checked.stderr), (0, ""), script)

    def test_programs_run(self):
        version = self.field("Version")
        for name in ("usr/bin/vpnprofile", "usr/bin/vpnagentctl", "usr/sbin/vpnagentd", "usr/sbin/vpnagent-dbus"):
            done = call(self.root / name, "--version")
            self.assertEqual((done.returncode, done.stdout), (0, f"{name.split('/')[-1]} {version}\n"), done.stderr)
            self.assertNotIn("not found", call("ldd", self.root / name).stdout)
        program = self.root / "usr/bin/vpnprofile"
        examples = self.root / "usr/share/doc/vpnprofile/profiles"
        policy = self.folder / "p.vpnpolicy"
        done = call(program, "compile", examples / "always-on.mobileconfig", "-o", policy)
        self.assertEqual(done.returncode, 0, done.stderr)
        flow = '{"protocol": "tcp", "remote": "203.0.113.80", "remote_port": 443}'
        done = call(program, "explain", policy, "--flow", flow, "--format", "json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["verdict"]), (0, "drop"), done.stderr)
        done = call(program, "test", *examples.glob("*.test.yaml"))
        self.assertEqual(done.returncode, 0, done.stdout)

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not installed")
    def test_lintian(self):
        done = call("lintian", "--fail-on", "error,warning", self.deb)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
