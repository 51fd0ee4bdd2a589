"""The control socket, the daemon's life, and what it does when something is in its way."""

import errno
import json
import os
import subprocess
import time

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.agent.room import BUILD, Room
from tests.agent.terminal import Terminal
from tests.lab import kernel, world

MS_RDONLY = 1
NOBODY = 65534


class Questions(Room):
    def setUp(self):
        self.install(self.compile()).start()

    def test_why(self):
        pid = self.app("browser").pid
        answer = self.ctl("why", "--pid", pid, "--to", f"{world.SERVER}:443")
        self.assertEqual((answer["verdict"], answer["rule"]), ("drop", "S3.e"))
        self.assertEqual(answer["flow"]["app"], "com.example.browser")
        self.assertGreater(answer["source"]["line"], 0)
        self.assertEqual(self.ctl("why", "--app", "com.example.mail", "--to", "127.0.0.1:25")["rule"], "S0")
        self.refused(2, "no process", "why", "--pid", 4194303, "--to", f"{world.SERVER}:443")

    def test_drops_are_counted_and_told_as_they_come(self):
        lines = self.follow("drops", follow=True)
        self.assertTrue(json.loads(lines.readline())["ok"])
        self.assertEqual(self.ask("browser", protocol="udp", port=4321), errno.EPERM)
        drop = json.loads(lines.readline())["result"]
        self.assertEqual((drop["app"], drop["rule"], drop["remote"], drop["remote_port"]), ("com.example.browser", "S3.e", world.SERVER, 4321))
        self.assertEqual(drop["source"]["path"], self.ctl("why", "--app", drop["app"], "--to", f"{world.SERVER}:4321", "--protocol", "udp")["source"]["path"])
        self.assertGreater(drop["source"]["line"], 0)
        counters = self.ctl("drops")["counters"]
        self.assertTrue([c for c in counters if c["app"] == "com.example.browser" and c["verdict"] == "drop" and c["packets"] > 0], counters)

    def test_the_program_follows_drops_line_by_line(self):
        command = [BUILD / "bin/vpnagentctl", "drops", "--follow", "--control", self.agent.control, "--format", "json"]
        with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as program:
            try:
                program.stdout.readline()  # the counters so far
                self.assertEqual(self.ask("mail", protocol="udp", port=999), errno.EPERM)
                self.assertEqual(json.loads(program.stdout.readline())["remote_port"], 999)
            finally:
                program.terminate()

    def test_watch_tells_every_change(self):
        lines = self.follow("watch")
        status = lambda: json.loads(lines.readline())["result"]["tunnels"][0]["status"]  # noqa: E731
        self.assertIn(status(), ("disconnected", "connecting"))
        client = self.agent.client(self.status()["tunnels"][0]["id"])
        self.addCleanup(client.close)
        for wanted in ("connected", "reasserting"):
            client.report(wanted)
            for _ in range(10):
                if status() == wanted:
                    break
            else:
                self.fail(f"nothing was told of {wanted}")

    def test_watch_tells_each_second_what_apps_send(self):
        lines = self.follow("watch")
        result = lambda: json.loads(lines.readline())["result"]  # noqa: E731
        before = result()
        self.assertEqual(self.ask("browser", protocol="udp", port=4321), errno.EPERM)
        for _ in range(4):
            now = result()
            seen = [c for c in now["traffic"] if c["app"] == "com.example.browser" and c["verdict"] == "drop"]
            if seen and now["drops"]:
                break
        self.assertGreater(now["time"], before["time"])
        self.assertTrue(seen, now)
        self.assertEqual(now["drops"][-1]["remote_port"], 4321)

    def test_watch_on_a_terminal(self):
        """A full screen, that goes on over the agent's end, and the terminal as it was in the end."""
        with Terminal([BUILD / "bin/vpnagentctl", "watch", "--color", "never", "--control", self.agent.control]) as terminal:
            terminal.expect(rb"in-force.*VERDICT.*LAST DROPS.*q quits")
            self.assertEqual(self.ask("browser", protocol="udp", port=4321), errno.EPERM)
            terminal.expect(rb"drop +S3.e +out.*com.example.browser.*port 4321")
            terminal.resize(5, 30)
            frame = terminal.expect(rb"\x1b\[H(guard.*q quits)")
            self.assertLessEqual(frame.count(b"\n"), 5)
            self.agent.kill()
            terminal.expect(rb"ended the connection; trying again")
            self.agent.start()
            terminal.expect(rb"in-force")
            terminal.write(b"q")
            self.assertEqual(terminal.wait(), 0)
            self.assertTrue(terminal.seen.endswith(b"\x1b[?1049l"), terminal.seen[-40:])
            self.assertTrue(terminal.echoes(), "the terminal does not echo any more")

    def test_watch_ends_by_a_signal_with_the_terminal_as_it_was(self):
        with Terminal([BUILD / "bin/vpnagentctl", "watch", "--color", "never", "--control", self.agent.control]) as terminal:
            terminal.expect(rb"q quits")
            terminal.process.terminate()
            self.assertEqual(terminal.wait(), 0)
            self.assertTrue(terminal.echoes())

    def test_notify_tells_once_in_a_while(self):
        told = self.agent.folder / "told"
        script = self.agent.folder / "notify.sh"
        script.write_text(f'#!/bin/sh\nprintf "%s|%s\\n" "$1" "$2" >> {told}\n')
        script.chmod(0o755)
        told.unlink(missing_ok=True)
        command = [BUILD / "bin/vpnagentctl", "notify", "--every", "2", "--run", script, "--control", self.agent.control]
        with subprocess.Popen(list(map(str, command))) as program:
            try:
                def asks_until_told(lines):
                    self.ask("browser", protocol="udp", port=1000 + int(time.monotonic() * 10) % 30000)
                    return told.exists() and len(told.read_text().splitlines()) >= lines
                self.wait(lambda: asks_until_told(1), "be told")
                for port in range(5):
                    self.ask("browser", protocol="udp", port=100 + port)
                self.assertEqual(told.read_text(), f"Blocked: the VPN is not connected|com.example.browser cannot reach {world.SERVER} (S3.e)\n")
                self.wait(lambda: asks_until_told(2), "be told again")
            finally:
                program.terminate()

    def test_metrics(self):
        self.ask("browser", protocol="udp")
        text = self.agent.request("metrics")["text"]
        families = {family.name: family for family in text_string_to_metric_families(text)}  # strict: raises on what is no OpenMetrics
        self.assertEqual(set(families), {"vpn_guard_in_force", "vpn_guard_audit", "vpn_policy_serial", "vpn_tunnel_status",
                                         "vpn_packets", "vpn_bytes", "vpn_lookups", "vpn_drop_events_lost"}, "names are a promise: docs/operations.md")
        self.assertIn("vpn_guard_in_force 1\n", text)
        self.assertIn("vpn_policy_serial 1\n", text)
        self.assertTrue(text.endswith("# EOF\n"))
        self.assertRegex(text, r'vpn_packets_total\{app="com.example.browser".*rule="S3.e".*verdict="drop"\} [1-9]')

    def test_who_may_ask_what(self):
        """Anybody may see the status; nobody but root the rest, or change anything."""
        for arguments in (["drops"], ["metrics"], ["support"], ["why", "--app", "x", "--to", "192.0.2.1:1"], ["watch"], ["reload"], ["confirm"],
                          ["apply", self.agent.policy], ["disconnect", "x"], ["connect", "x"], ["stop"], ["stop", "--remove-guard"]):
            code, out, error = self.run_ctl(*arguments, uid=NOBODY)
            self.assertEqual((code, out), (4, ""), arguments)
            self.assertIn("root", error)
        code, out, _ = self.run_ctl("status", uid=NOBODY)
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)["guard"], "in-force")
        self.assertEqual(self.ask("browser"), errno.EPERM, "the guard is still there")


class Life(Room):
    def test_audit_blocks_nothing_and_counts(self):
        self.install(self.compile(), arguments=["--audit"]).start()
        self.assertTrue(self.status()["audit"])
        self.assertIn("AUDIT", self.agent.log())
        for protocol in ("tcp", "udp"):
            self.assertEqual(self.ask("browser", protocol=protocol), b"hello")
        counters = [c for c in self.ctl("drops")["counters"] if c["app"] == "com.example.browser" and c["rule"] == "S3.e"]
        self.assertTrue(counters, self.ctl("drops"))

    def test_it_outlives_its_end_and_is_taken_over(self):
        self.install(self.compile()).start()
        self.assertIn("nothing leaves until", self.agent.log())
        programs = self._programs()
        for end in (self.agent.terminate, self.agent.kill):
            end()
            self.assertEqual(self.ask("browser", protocol="udp"), errno.EPERM, "without an agent")
            before = len(self.agent.log())
            self.agent.start()
            self.assertTrue(self.status()["adopted"])
            self.assertNotIn("nothing leaves until", self.agent.log()[before:], "the gate was open, or shut for those who may leave")
            self.assertEqual(self._programs(), programs, "programs that were there were loaded again")
            self.assertEqual(self.ask("browser", protocol="udp"), errno.EPERM)
        self.agent.remove()
        self.assertEqual(self.ask("browser"), b"hello")

    def _programs(self):
        """What is attached, by the kernel's numbers."""
        out = subprocess.run(["bpftool", "-j", "cgroup", "show", self.place.guarded], capture_output=True, text=True, check=True).stdout
        return sorted(program["id"] for program in json.loads(out))

    def test_what_somebody_takes_away_comes_back(self):
        self.install(self.compile()).start()
        pins = self.agent.folder / "bpf/guard/links"
        for name, take in (("a pin", (pins / "vpn_egress").unlink),
                           ("a filter", lambda: self.place.device.run(["tc", "qdisc", "delete", "dev", "wlan0", "clsact"])),
                           ("the gate", lambda: self.place.device.run(["nft", "delete", "table", "netdev", "vpn_guard"]))):
            before = len(self.agent.log())
            take()
            self.wait(lambda: "blocking" in self.agent.log()[before:], f"notice that {name} is gone", 1)  # noqa: B023
            self.wait(lambda: self.status()["guard"] == "in-force", f"{name} put back", 3)
        self.assertTrue((pins / "vpn_egress").exists())
        self.assertEqual(self.ask("browser", protocol="udp"), errno.EPERM)

    def test_a_disk_that_takes_nothing_is_no_reason_to_guard_nothing(self):
        self.install(self.compile())
        state = self.agent.folder / "state"
        kernel.mount("tmpfs", state, "tmpfs", MS_RDONLY)
        try:
            self.agent.start()
            self.assertIn("cannot be kept", self.agent.log())
            self.assertEqual(self.ask("browser"), errno.EPERM)
            self.agent.remove()
        finally:
            kernel.umount(state)

    def test_support_tells_no_secret_and_no_name_that_the_policy_does_not_name(self):
        resolvers = {"wlan0": {"servers": ["192.0.2.53"], "search": ["intranet.planted.example"]}}
        self.install(self.compile(), configuration={"resolvers": resolvers}).start()
        secrets = json.loads(open(f"{self.agent.policy}.secrets").read())
        planted = [value for value in _texts(secrets) if len(value) >= 12 and value not in (secrets.get("policy"),)]
        self.assertTrue(planted, "the policy has no secret to give away")
        told = json.dumps(self.agent.request("support")) + json.dumps(self.status()) + self.agent.log()
        for secret in planted:
            self.assertNotIn(secret, told)
        bundle = self.ctl("support")
        self.assertNotIn("planted", json.dumps(bundle))
        self.assertIn("[name 1]", json.dumps(bundle["resolvers"]))
        self.assertNotIn(os.uname().nodename, " ".join(bundle["log"]))
        self.assertEqual(bundle["status"]["guard"], "in-force")
        self.assertIn("wlan0", [link["name"] for link in bundle["interfaces"]])
        self.assertTrue(bundle["log"])

    def test_the_heartbeat_goes_on(self):
        """A beat is due five seconds after the last one at most: the stale tables come after fifteen."""
        self.install(self.compile()).start()
        control = kernel.PinnedArray(next((self.agent.folder / "bpf/guard").glob("maps-*/control")))
        beat = lambda: int.from_bytes(control.read()[8:16], "little")  # noqa: E731
        first = beat()
        self.wait(lambda: beat() > first, "the next beat", 6)
        self.assertLess(time.monotonic_ns() - beat(), 1_000_000_000)


def _texts(tree):
    if isinstance(tree, dict):
        return [text for value in tree.values() for text in _texts(value)]
    if isinstance(tree, list):
        return [text for value in tree for text in _texts(value)]
    return [tree] if isinstance(tree, str) else []


