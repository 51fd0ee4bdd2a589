"""vpnprofile simulate: captures that are made here, judged as `explain` judges each flow; names, apps, timelines, hostile captures."""
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import time
import unittest

from captures import (BEGIN, ETHERNET, ICMP, ICMPV6, LOOP, MAC_ALL, MAC_DEVICE, MAC_OTHER, NULL, RAW, SLL, SLL2, TCP, UDP, client_hello, dns_answer,
                      dns_query, frame, packet, pcap, pcapng, read_pcap, transport)
from program import PROGRAM, SOURCE, Case, run

DEVICE, DEVICE6, SERVER, SERVER6, RESOLVER = "192.168.1.20", "2001:db8::20", "203.0.113.80", "2001:db8:1::80", "192.168.1.1"
TUNNEL = "CECFD8FC-4A7C-5380-9BDA-A79068DB7E14#0"
DOWN = {"primary_interface": "wlan0", "interfaces": [{"name": "wlan0", "type": "wifi", "addresses": [DEVICE + "/24", DEVICE6 + "/64"], "dns_servers": [RESOLVER]}]}
UP = {**DOWN, "tunnels": {TUNNEL: {"status": "connected", "interface": "utun0", "endpoints": [{"address": "203.0.113.5", "protocol": "udp", "port": 4500}]}}}


def out(at, ip, **more):
    return at, frame(ip, **more)


def back(at, ip, **more):
    return at, frame(ip, outgoing=False, **more)


def tcp(source, destination, local=50000, remote=443, payload=b"", sequence=1):
    return packet(source, destination, TCP, transport(TCP, local, remote, payload, sequence))


def udp(source, destination, local=50000, remote=443, payload=b""):
    return packet(source, destination, UDP, transport(UDP, local, remote, payload))


def lookup(name, addresses, at=0.0, seconds=60, port=40000):
    return [out(at, udp(DEVICE, RESOLVER, port, 53, dns_query(name))), back(at + 0.01, udp(RESOLVER, DEVICE, 53, port, dns_answer(name, addresses, seconds)))]


class Simulate(Case):
    def setUp(self):
        super().setUp()
        self.write("up.json", json.dumps(UP))
        self.write("down.json", json.dumps(DOWN))
        self.policy("always-on")

    def policy(self, name, *more):
        code, _, errors = run("compile", SOURCE / "profiles" / (name + ".mobileconfig"), "-o", "p.vpnpolicy", "--platform", "ios", *more, folder=self.folder)
        self.assertEqual(code, 0, errors)

    def simulate(self, frames, *arguments, state="up.json", link=ETHERNET, content=None, code=0, form="jsonl"):
        """Answers (verdicts, summary) of JSON lines, or the text."""
        if frames is not None:
            self.write("c.pcap", content or pcap(frames, link))
        if "--timeline" not in arguments:
            arguments = ("--state", state, *arguments)
        got, text, self.errors = run("simulate", "p.vpnpolicy", "--pcap", "c.pcap", *arguments, "--format", form, folder=self.folder)
        self.assertEqual(got, code, self.errors)
        if form != "jsonl":
            return text
        lines = [json.loads(line) for line in text.splitlines()]
        return (lines[:-1], lines[-1]["summary"]) if lines else ([], {})

    def verdicts(self, *arguments, **more):
        return [(r["direction"], r["verdict"], r["rule"], r["packets"]) for r in self.simulate(*arguments, **more)[0]]

    def agrees(self, rows, states):
        """Every row is what `explain` says of its flow in its state."""
        for name, state in states.items():
            mine = [r for r in rows if r["state"] == name]
            self.write("flows.ndjson", "".join(json.dumps(r["flow"]) + "\n" for r in mine))
            self.write("state.json", json.dumps(state))
            code, text, errors = run("explain", "p.vpnpolicy", "--state", "state.json", "--flows", "flows.ndjson", "--format", "json", folder=self.folder)
            self.assertEqual(code, 0, errors)
            for row, line in zip(mine, text.splitlines(), strict=True):
                expected = json.loads(line)
                self.assertEqual({key: row.get(key) for key in ("verdict", "tunnel", "rule", "source")},
                                 {key: expected.get(key) for key in ("verdict", "tunnel", "rule", "source")}, row)
        self.assertTrue(all(r["state"] in states for r in rows))

    # --- What is read ---

    def test_a_flow_both_ways(self):
        frames = [out(0, tcp(DEVICE, SERVER)), back(0.1, tcp(SERVER, DEVICE, 443, 50000)), out(0.25, tcp(DEVICE, SERVER, payload=b"x" * 10))]
        for content in (pcap(frames), pcap(frames, nanoseconds=False), pcapng(frames)):
            rows, summary = self.simulate(frames, content=content)
            self.assertEqual([(r["id"], r["direction"], r["verdict"], r["packets"], r["bytes"]) for r in rows],
                             [(1, "out", "tunnel", 2, 54 + 64), (1, "in", "accept", 1, 54)])
            self.assertEqual((rows[0]["first"], rows[0]["last"], rows[1]["first"]), (0, 0.25, 0.1))
            self.assertEqual(rows[0]["flow"], {"protocol": "tcp", "remote": SERVER, "remote_port": 443, "local_port": 50000})
            self.assertEqual(rows[1]["flow"]["arrives_on"], "utun0", "what comes back comes the way that the request went")
            self.assertEqual(summary["capture"]["packets"], 3)
            self.assertEqual(summary["capture"]["first"], "2026-09-21T14:13:20Z")
            self.assertEqual(summary["totals"], {"out": {"tunnel": {"packets": 2, "bytes": 118, "flows": 1}}, "in": {"accept": {"packets": 1, "bytes": 54, "flows": 1}}})
            self.assertRegex(self.errors, r"^3 packets in [0-9.]+ s: [0-9.]+ million a second\n$")

    def test_link_types(self):
        for link in (ETHERNET, RAW, SLL, SLL2, NULL, LOOP):
            for tags in (0, 1, 3) if link == ETHERNET else (0,):
                frames = [out(0, tcp(DEVICE, SERVER), link=link, tags=tags), back(1, tcp(SERVER, DEVICE, 443, 50000), link=link, tags=tags),
                          out(2, packet(DEVICE6, SERVER6, UDP, transport(UDP, 50000, 443)), link=link, tags=tags)]
                rows, summary = self.simulate(frames, link=link)
                self.assertEqual([(r["direction"], r["verdict"], r["flow"]["protocol"]) for r in rows], [("out", "tunnel", "tcp"), ("in", "accept", "tcp"), ("out", "tunnel", "udp")], link)
                self.assertEqual(summary["flows"], 2)
        self.simulate([(0, b"\0" * 40)], link=105, code=1)
        self.assertIn("are not read", self.errors)
        self.assertIn("Ethernet", self.errors)

    def test_what_is_no_ip(self):
        frames = [(0, MAC_OTHER + MAC_DEVICE + b"\x08\x06" + b"\0" * 28), (1, MAC_OTHER + MAC_DEVICE + b"\x08\0" + b"\x45"), (2, b"\1\2"),
                  (3, MAC_OTHER + MAC_DEVICE + b"\x08\0" + b"\x41" + b"\0" * 40), (4, frame(tcp(DEVICE, SERVER))[:14] + b"\x66" * 60)]
        rows, summary = self.simulate(frames)
        self.assertEqual((rows, summary["capture"]["not_judged"]["not_ip"]["packets"], summary["capture"]["not_judged"]["malformed"]["packets"]), ([], 1, 4))

    def test_extension_headers(self):
        hop_by_hop, routing = (0, b"\0" + b"\0" * 6), (43, b"\1" + b"\0" * 14)
        rows, _ = self.simulate([out(0, packet(DEVICE6, SERVER6, UDP, transport(UDP, 50000, 443), extensions=(hop_by_hop, routing, (60, b"\0" * 7)))),
                                 out(1, packet(DEVICE6, SERVER6, 17, b"", extensions=(hop_by_hop,) * 8 + ((60, b"\0" * 7),))),
                                 out(2, packet(DEVICE6, SERVER6, UDP, b"", extensions=((60, b"\xff" + b"\0" * 6),)))])
        self.assertEqual([(r["flow"]["protocol"], r["flow"].get("remote_port")) for r in rows], [("udp", 443), ("60", None), ("udp", None)])

    def test_fragments(self):
        body = transport(UDP, 50000, 443, b"a" * 100)
        parts = [out(0, packet(DEVICE, SERVER, UDP, body[:64], fragment=0x2000, identity=9)), out(1, packet(DEVICE, SERVER, UDP, body[64:], fragment=8, identity=9)),
                 out(2, packet(DEVICE, SERVER, UDP, body[64:], fragment=8, identity=10)),
                 out(3, packet(DEVICE6, SERVER6, UDP, body[:64], fragment=1, identity=9)), out(4, packet(DEVICE6, SERVER6, UDP, body[64:], fragment=8 << 3, identity=9))]
        rows, summary = self.simulate(parts)
        self.assertEqual([(r["flow"].get("remote_port"), r["packets"]) for r in rows], [(443, 2), (None, 1), (443, 2)])
        self.assertTrue(any("1 fragment judged without ports" in note for note in summary["notes"]), summary["notes"])

    def test_short_snaplen(self):
        self.write("c.pcap", pcap([out(0, tcp(DEVICE, SERVER, payload=b"x" * 100)), out(1, udp(DEVICE, SERVER))], snaplen=34))
        rows, summary = self.simulate(None)
        self.assertEqual([(r["flow"].get("remote_port"), r["bytes"]) for r in rows], [(None, 154), (None, 42)])
        self.assertTrue(any("snaplen" in note for note in summary["notes"]))

    def test_icmp(self):
        quoted = udp(DEVICE, SERVER)
        frames = [out(0, quoted), back(1, packet("198.51.100.1", DEVICE, ICMP, transport(ICMP, icmp=(3, 1), payload=quoted[:28]))),
                  out(2, packet(DEVICE6, "ff02::2", ICMPV6, transport(ICMPV6, icmp=(133, 0)), hop_limit=255)),
                  out(3, packet(DEVICE6, "ff02::2", ICMPV6, transport(ICMPV6, icmp=(133, 0)), hop_limit=64)),
                  out(4, packet(DEVICE, SERVER, ICMP, transport(ICMP, icmp=(8, 0)))), back(5, packet(SERVER, DEVICE, ICMP, transport(ICMP)))]
        rows, _ = self.simulate(frames)
        self.assertEqual([(r["direction"], r["verdict"], r["rule"]) for r in rows],
                         [("out", "tunnel", "S3.e"), ("in", "accept", "S3.e"), ("out", "direct", "S1.b"), ("out", "tunnel", "S3.e"), ("out", "tunnel", "S3.e"), ("in", "accept", "S3.e")])
        self.assertEqual(rows[1]["flow"]["quotes"], {"protocol": "udp", "remote": SERVER, "remote_port": 443, "local_port": 50000})
        self.agrees(rows, {"up.json": UP})

    # --- Whose device ---

    def test_addresses_of_the_device(self):
        frames = [out(0, tcp("10.1.1.7", SERVER)), back(1, tcp(SERVER, "10.1.1.7", 443, 50000)), out(2, packet("2001:db8:7::7", SERVER6, UDP, transport(UDP, 50000, 443)))]
        self.write("none.json", "{}")
        rows, summary = self.simulate(frames, state="none.json")
        self.assertEqual([r["direction"] for r in rows], ["out", "in", "out"])
        self.assertEqual(summary["device"], {"known_from": "assumed", "addresses": ["10.1.1.7", "2001:db8:7::7"]})
        self.assertTrue(summary["notes"][0].startswith("it was assumed that the device is 10.1.1.7"), summary["notes"])
        self.assertEqual([r["direction"] for r in self.simulate(frames[1:2], state="none.json")[0]], ["in"])
        rows, summary = self.simulate(frames, "--local", "203.0.113.0/24", state="none.json")
        self.assertEqual([r["direction"] for r in rows], ["in", "out", "out"])
        self.assertEqual(rows[2]["flow"]["app"], "forwarded")
        self.assertTrue(any("judged as 'forwarded'" in note for note in summary["notes"]))
        cooked = [out(0, tcp("10.1.1.7", SERVER), link=SLL2), back(1, tcp("198.51.100.9", "10.1.1.7"), link=SLL2)]
        rows, summary = self.simulate(cooked, state="none.json", link=SLL2)
        self.assertEqual(([r["direction"] for r in rows], summary["device"]["known_from"]), (["out", "in"], "link"))
        self.simulate(frames, "--local", "nowhere", code=2)

    def test_others_and_groups(self):
        others = struct.pack("!HHH8s", 3, 1, 6, MAC_OTHER) + b"\x08\0" + tcp("198.51.100.1", "198.51.100.2")
        rows, summary = self.simulate([(0, others), (1, others), out(2, tcp(DEVICE, SERVER), link=SLL)], link=SLL)
        self.assertEqual((len(rows), summary["flows"], summary["capture"]["not_judged"]["other_hosts"]["packets"]), (1, 1, 2))
        frames = [(0, MAC_ALL + MAC_OTHER + b"\x08\0" + udp("192.168.1.9", "192.168.1.255", 137, 137)), back(1, udp("192.168.1.9", "224.0.0.251", 5353, 5353)),
                  out(2, udp("0.0.0.0", "255.255.255.255", 68, 67)), out(3, udp(DEVICE, DEVICE, 7, 8))]
        self.assertEqual(self.verdicts(frames), [("in", "drop", "S3.e", 1), ("in", "drop", "S3.e", 1), ("out", "direct", "S1.a", 1), ("out", "system", "S0", 1)])

    def test_where_packets_arrive(self):
        frames = [out(0, tcp(DEVICE, SERVER)), back(1, tcp(SERVER, DEVICE, 443, 50000)), back(2, tcp("198.51.100.7", DEVICE, 50000, 22))]
        self.assertEqual([v[1] for v in self.verdicts(frames)], ["tunnel", "accept", "drop"])
        self.assertEqual([v[1] for v in self.verdicts(frames, "--interface", "wlan0")], ["tunnel", "drop", "drop"])
        self.assertEqual([v[1] for v in self.verdicts(frames, "--interface", "utun0")], ["tunnel", "accept", "accept"])

    # --- Timeline ---

    def test_timeline(self):
        frames = [out(at, tcp(DEVICE, SERVER)) for at in (0, 1, 2, 2.5, 3, 1.5)]
        self.write("t.yaml", "states: {up: {file: up.json}}\ntimeline:\n- {at: 1, state: up}\n- {at: 2026-09-21T14:13:22Z, name: lost, state: {file: down.json}}\n- {at: 3, state: up}\n")
        rows, summary = self.simulate(frames, "--timeline", "t.yaml")
        self.assertEqual(summary["notes"], ["1 packet before the timeline begins: judged for a device that boots"])
        self.assertEqual([(r["state"], r["verdict"], r["rule"], r["packets"]) for r in rows], [("booting", "drop", "S3.d", 1), ("up", "tunnel", "S3.e", 3), ("lost", "drop", "S3.e", 2)])
        self.agrees(rows, {"booting": {}, "up": UP, "lost": DOWN})
        self.write("t.json", json.dumps({"timeline": [{"at": 0, "state": UP}, {"at": "2026-09-21T16:13:21.5+02:00", "state": DOWN}]}))
        self.assertEqual([r["packets"] for r in self.simulate(frames[:3], "--timeline", "t.json")[0]], [2, 1])

    def test_wrong_timelines(self):
        frames = [out(0, tcp(DEVICE, SERVER))]
        for text, where, what in (("timeline: []", "t.yaml:1:11", "at least one"), ("timeline:\n- {at: soon, state: {}}", "t.yaml:2:", "seconds from the beginning"),
                                  ("timeline:\n- {at: 1, state: {}}\n- {at: 1, state: {}}", "t.yaml:3:3", "not later"), ("timeline:\n- {at: 0, state: upp}\nstates: {up: {}}", "t.yaml:2:", "did you mean 'up'"),
                                  ("timeline:\n- {at: 0, stat: {}}", "t.yaml:2:", "did you mean 'state'"), ("timeline:\n- {at: 0, state: {captiv: true}}", "t.yaml:2:", "did you mean 'captive'"),
                                  ("timeline:\n- {at: 0, state: {file: none.json}}", "none.json", "named at t.yaml:2:"), ("[]", "t.yaml:1:1", "mapping"),
                                  ("timeline:\n- {at: 2026-13-01T00:00:00Z, state: {}}", "t.yaml:2:", "such as")):
            self.write("t.yaml", text)
            self.simulate(frames, "--timeline", "t.yaml", code=3 if "none.json" in text else 1)
            self.assertIn(where, self.errors)
            self.assertIn(what, self.errors)

    # --- Names ---

    def test_names_from_lookups(self):
        self.policy("per-app-excluded-domains", "--app-map", SOURCE / "profiles" / "app-map.yaml")
        test = (SOURCE / "profiles" / "per-app-excluded-domains.mobileconfig").read_text()
        vpn = test.split("<key>VPNUUID</key>")[1].split("<string>")[1].split("<")[0].upper()
        excluded = test.split("<key>ExcludedDomains</key>")[1].split("<string>")[1].split("<")[0].removeprefix("*.")
        app = test.split("SigningIdentifier" if "SigningIdentifier" in test else "<key>Identifier</key>")[1].split("<string>")[1].split("<")[0]
        state = {**DOWN, "tunnels": {vpn: {"status": "connected", "interface": "utun0"}}}
        self.write("vpn.json", json.dumps(state))
        self.write("apps.yaml", f"flows:\n- {{app: {app}, local_port: 40000-60000}}\n")
        name = "a." + excluded
        frames = [out(0, tcp(DEVICE, SERVER, 50000)), *lookup(name, [SERVER], 1, seconds=10), out(2, tcp(DEVICE, SERVER, 50001)), out(3, tcp(DEVICE, SERVER, 50000)),
                  out(11.9, tcp(DEVICE, SERVER, 50001)), out(12.5, tcp(DEVICE, SERVER, 50001)),
                  *lookup("other.example.net", ["198.51.100.7"], 20), *lookup(name, ["198.51.100.7"], 21, port=40001), out(22, tcp(DEVICE, "198.51.100.7", 50002))]
        rows, summary = self.simulate(frames, "--apps", "apps.yaml", state="vpn.json")
        self.agrees(rows, {"vpn.json": state})
        flows = {r["flow"]["local_port"]: [] for r in rows}
        for r in rows:
            if r["direction"] == "out":
                flows[r["flow"]["local_port"]].append((r["verdict"], r["flow"].get("hostname"), r["packets"]))
        self.assertEqual(flows[50000], [("tunnel", None, 1), ("system", name, 1)], "before it was known, and after")
        self.assertEqual(flows[50001], [("system", name, 2), ("tunnel", None, 1)], "as long as the answer lives, and a second")
        self.assertEqual(flows[40000], [("system", name, 1), ("tunnel", "other.example.net", 1)], "a lookup counts for the name that it asks")
        self.assertEqual(flows[50002], [("tunnel", "other.example.net", 1)], "the stricter of two names")
        self.assertEqual([note for note in summary["notes"] if "the stricter holds" in note],
                         [f"198.51.100.7 is known as other.example.net and as {name}, for which the policy says different things: the stricter holds"])
        rows, _ = self.simulate(frames, "--apps", "apps.yaml", "--names", "tls", state="vpn.json")
        self.assertEqual([r["verdict"] for r in rows if r["flow"]["local_port"] == 50001], ["tunnel"])

    def test_names_over_tcp_and_from_tls(self):
        answer = dns_answer("a.example.com", [SERVER])
        stream = struct.pack("!H", len(answer)) + answer
        hello = client_hello("B.Example.com", padding=3000)
        frames = [out(0, tcp(DEVICE, RESOLVER, 40000, 53, b"..")), back(1, tcp(RESOLVER, DEVICE, 53, 40000, stream[20:], 21)), back(2, tcp(RESOLVER, DEVICE, 53, 40000, stream[:20], 1)),
                  back(2.1, tcp(RESOLVER, DEVICE, 53, 40000, stream[20:], 21)),
                  out(3, tcp(DEVICE, SERVER, 50000)), out(4, tcp(DEVICE, "198.51.100.7", 50001)), out(5, tcp(DEVICE, "198.51.100.7", 50001, 443, hello[:1400], 1)),
                  out(6, tcp(DEVICE, "198.51.100.7", 50001, 443, hello[2800:], 2801)), out(7, tcp(DEVICE, "198.51.100.7", 50001, 443, hello[1400:2800], 1401)),
                  out(8, tcp(DEVICE, "198.51.100.8", 50002, 443, client_hello("c.example.com")))]
        names = {r["flow"]["local_port"]: r["flow"].get("hostname") for r in self.simulate(frames)[0] if r["direction"] == "out"}
        self.assertEqual(names[50001], "b.example.com")
        self.assertEqual(names[50002], "c.example.com")
        whole = [frames[0], back(1, tcp(RESOLVER, DEVICE, 53, 40000, stream[:20], 1)), back(2, tcp(RESOLVER, DEVICE, 53, 40000, stream[20:] + stream[:5], 21)), frames[4]]
        self.assertEqual(self.simulate(whole)[0][-1]["flow"]["hostname"], "a.example.com")
        names = {r["flow"]["local_port"]: r["flow"].get("hostname") for r in self.simulate(frames, "--names", "dns")[0]}
        self.assertIsNone(names[50001])

    def test_answers_that_nobody_asked_for(self):
        forged = [back(0, udp(RESOLVER, DEVICE, 53, 40000, dns_answer("a.example.com", [SERVER]))), out(1, tcp(DEVICE, SERVER))]
        self.assertNotIn("hostname", self.simulate(forged)[0][-1]["flow"])

    # --- Apps ---

    def test_apps(self):
        self.policy("always-on-application-exceptions", "--app-map", SOURCE / "profiles" / "app-map.yaml")
        text = (SOURCE / "profiles" / "always-on-application-exceptions.mobileconfig").read_text()
        tunnel = text.split("com.apple.vpn.managed</string>")[1].split("<key>PayloadUUID</key>")[1].split("<string>")[1].split("<")[0].upper() + "#0"
        state = {**DOWN, "tunnels": {tunnel: {"status": "connected", "interface": "utun0", "endpoints": [{"address": "203.0.113.5", "protocol": "udp", "port": 4500}]}}}
        self.write("s.json", json.dumps(state))
        app = "com.example.emergency"
        frames = [out(at, tcp(DEVICE, SERVER, port)) for at, port in ((0, 50000), (1, 50001), (2, 50001), (3, 50001), (4, 50002))]
        self.write("apps.yaml", f"""
flows:
- {{app: {app}, protocol: tcp, local: {DEVICE}/32, local_port: 50000, remote: 203.0.113.0/24, remote_port: 443}}
events:
- {{at: 0.5, event: start, pid: 7, app: {app}}}
- {{at: 0.5, event: start, pid: 8, parent: 7}}
- {{at: 1.5, event: open, pid: 7, protocol: tcp, local_port: 50001}}
- {{at: 2.5, event: close, pid: 7, protocol: tcp, local_port: 50001}}
- {{at: 3.5, event: open, pid: 8, protocol: tcp, local_port: 50002}}
- {{at: 9, event: exit, pid: 8}}
""")
        rows, _ = self.simulate(frames, "--apps", "apps.yaml", state="s.json")
        self.agrees(rows, {"s.json": state})
        self.assertEqual([(r["flow"].get("app"), r["flow"].get("spawned_by"), r["flow"]["local_port"], r["verdict"], r["packets"]) for r in rows],
                         [(app, None, 50000, "direct", 1), (None, None, 50001, "tunnel", 2), (app, None, 50001, "direct", 1), (None, app, 50002, "tunnel", 1)])
        provider = [out(0, udp(DEVICE, "203.0.113.5", 4500, 4500))]
        rows, summary = self.simulate(provider, state="s.json")
        self.assertEqual(rows[0]["verdict"], "tunnel")
        self.assertTrue(any("provider_of says so" in note for note in summary["notes"]))
        self.write("apps.json", json.dumps({"flows": [{"provider_of": tunnel, "protocol": 17, "remote": "203.0.113.5", "from": 0, "until": 1}]}))
        rows, summary = self.simulate(provider, "--apps", "apps.json", state="s.json")
        self.assertEqual((rows[0]["verdict"], rows[0]["rule"], summary["notes"]), ("direct", "S1.c", []))

    def test_wrong_app_maps(self):
        for text, what in (("flows: [{remote: 1.2.3.4}]", "whose flows"), ("flows: [{app: a, remotes: 1.2.3.4}]", "did you mean 'remote'"), ("flows: [{app: a, local_port: 5-4}]", "range"),
                           ("flows: [{app: a, remote: x}]", "prefix"), ("flows: [{app: a, protocol: x}]", "protocol"), ("flows: {}", "must be a list"), ("flows: [a]", "mapping"), (",flows:\n- {app: a}", "one YAML document"),
                           ("events: [{at: 0, event: open, pid: 4}]", "no 'start'"), ("events: [{at: 0, event: stop, pid: 4}]", "start, open, close or exit"), ("events: [{event: exit, pid: 4}]", "'at'"),
                           ("flows: [{app: a, uid: x}]", "uid"), ("events: [{at: 0, event: start, pid: 1, app: a}, {at: 0, event: close, pid: 1, local_port: 4}]", "no such socket"),
                           ("flows: [" + "{app: a},\n" * 5000 + "]", "no single local port")):
            self.write("apps.yaml", text)
            self.simulate([out(0, tcp(DEVICE, SERVER))], "--apps", "apps.yaml", code=1)
            self.assertIn(what, self.errors)

    # --- Agreement ---

    def random_frames(self, rng, count):
        addresses = [DEVICE, DEVICE6, "10.2.3.4", "192.168.1.77", "fd00::7", "fe80::1", SERVER, SERVER6, "203.0.113.5", "17.57.144.9", "255.255.255.255", "224.0.0.251", "ff02::fb", "127.0.0.1", "64:ff9b::cb00:7150", RESOLVER]
        frames, at = [], 0.0
        for _ in range(count):
            a, b = rng.choice(addresses), rng.choice(addresses)
            if rng.random() < 0.7:
                a = DEVICE6 if ":" in b else DEVICE
            if (":" in a) != (":" in b):
                continue
            if rng.random() < 0.4:
                a, b = b, a
            protocol = rng.choice([TCP, TCP, UDP, UDP, ICMP, ICMPV6, 2, 4, 41, 47, 50, 132])
            ports = [rng.choice([50000, 50001, 67, 68, 546, 547, 53, 443, 631, 5353, 5223, 500, 4500, 853]) for _ in (0, 1)]
            payload = rng.choice([b"", client_hello("www.example.com"), dns_query("a.example.com"), dns_answer("b.example.org", [SERVER])])
            body = transport(protocol, *ports, payload, icmp=(rng.choice([0, 3, 5, 8, 128, 133, 134, 135, 136, 137, 143, 1]), 0))
            if protocol in (ICMP, ICMPV6) and rng.random() < 0.5:
                body += udp(DEVICE, SERVER, *ports)[:28]
            at += rng.random() * 0.01
            frames.append((at, frame(packet(a, b, protocol, body, hop_limit=rng.choice([1, 64, 255])), outgoing=rng.random() < 0.5)))
        return frames

    def test_agrees_with_explain(self):
        seed = int(os.environ.get("VPN_SEED", time.time_ns() & 0xFFFFFFFF))
        rng = random.Random(seed)
        profiles = ["always-on-service-exceptions", "include-all-networks", "exclude-local-networks", "enforce-routes", "per-app-excluded-domains", "packet-tunnel-routes", "transparent-proxy", "exclude-apns"]
        for profile in profiles:
            with self.subTest(profile=profile, seed=seed):
                self.policy(profile, "--app-map", SOURCE / "profiles" / "app-map.yaml")
                dump = json.loads(run("dump", "p.vpnpolicy", "--format", "json", folder=self.folder)[1])
                states = {}
                for i in range(4):
                    tunnels = {t["id"]: {"status": rng.choice(["connected", "connected", "connecting", "reasserting", "disconnected"]), "interface": f"utun{n}", "included_routes":
                               rng.sample(["0.0.0.0/0", "203.0.113.0/24", "::/0", "10.0.0.0/8"], 2), "endpoints": [{"address": "203.0.113.5", "protocol": "udp", "port": 4500}]}
                               for n, t in enumerate(dump["tunnels"])}
                    states[f"s{i}"] = {**DOWN, "tunnels": tunnels, "captive": rng.random() < 0.2}
                self.write("t.json", json.dumps({"states": states, "timeline": [{"at": i * 0.4, "state": rng.choice(list(states))} for i in range(8)]}))
                apps = sorted(json.loads(run("dump", "p.vpnpolicy", "--format", "json", folder=self.folder)[1]).get("apps", []), key=str)
                identifiers = [a["identifier"] for a in apps if isinstance(a, dict) and "identifier" in a][:3] + ["com.example.unknown"]
                self.write("apps.json", json.dumps({"flows": [{"app": rng.choice(identifiers), "local_port": port, "from": rng.random() * 3} for port in (50000, 53, 443)]}))
                rows, summary = self.simulate(self.random_frames(rng, 900), "--timeline", "t.json", "--apps", "apps.json")
                self.assertGreater(len(rows), 300)
                self.assertEqual(sum(r["packets"] for r in rows) + summary["capture"]["not_judged"]["other_hosts"]["packets"], summary["capture"]["packets"])
                self.agrees(rows, {"booting": {}, **states})

    # --- Outputs ---

    def test_packets_and_dropped(self):
        frames = [out(0.000000001, tcp(DEVICE, SERVER)), back(0.1, tcp("198.51.100.7", DEVICE, 50000, 22)), (0.2, MAC_OTHER + MAC_DEVICE + b"\x08\x06" + b"\0" * 28), back(0.300000007, tcp("198.51.100.7", DEVICE, 50000, 22, b"x"))]
        self.write("c.pcap", pcap(frames))
        text = self.simulate(None, "--packets", "--write-dropped", "d.pcap", form="json")
        whole = json.loads(text)
        self.assertEqual([(p["packet"], p.get("verdict"), p.get("not_judged"), p.get("flow")) for p in whole["packets"]],
                         [(1, "tunnel", None, 1), (2, "drop", None, 2), (3, None, "not-ip", None), (4, "drop", None, 2)])
        self.assertEqual(len(whole["verdicts"]), 2)
        link, dropped = read_pcap((self.folder / "d.pcap").read_bytes())
        self.assertEqual((link, [content for _, content in dropped]), (ETHERNET, [frames[1][1], frames[3][1]]))
        self.assertEqual(dropped[1][0], BEGIN * 10**9 + 300000007)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["c.pcap", "d.pcap", "down.json", "p.vpnpolicy", "up.json"])
        lines = self.simulate(None, "--packets")
        self.assertEqual([line.get("packet") for line in lines[0]][:4], [1, 2, 3, 4])
        for path in ("c.pcap", "./up.json"):
            self.simulate(None, "--write-dropped", path, code=2)
        self.assertEqual(self.simulate(frames, "--write-dropped", "none/d.pcap", code=3), ([], {}))
        self.simulate(frames, "--write-dropped", "-", code=2)
        _, whole = read_pcap((self.folder / "d.pcap").read_bytes())
        self.assertEqual(len(whole), 2, "what stood there before stays")

    def test_for_people(self):
        text = self.simulate([out(0, tcp(DEVICE, SERVER)), out(1, udp(DEVICE, SERVER, payload=b"x" * 2000)), back(2, tcp("198.51.100.7", DEVICE, 50000, 22))], "--most", "2", "--packets", form="text")
        self.assertIn("   1.000000000  out  tunnel   S3.e       #2    2042\n", text)
        self.assertIn("    #2  tunnel   S3.e           1          2,042  other → udp 203.0.113.80:443  ", text)
        self.assertIn("and 1 more\n", text)
        self.assertIn("\nTOTALS\n  out tunnel               2 packets           2,096 bytes           2 flows\n", text)
        self.assertIn("\nTOP DROPS\n           1 packets              54 bytes  other ← tcp 198.51.100.7  S3.e", text)
        self.assertIn("always-on.mobileconfig:92:11\n", text)

    def test_more_flows_than_are_listed(self):
        frames = [out(i / 100, tcp(DEVICE, SERVER, 50000 + i % 20)) for i in range(100)]
        rows, summary = self.simulate(frames, "--most-flows", "8")
        self.assertEqual((len(rows), summary["totals"]["out"]["tunnel"]["packets"]), (8, 100))
        self.assertTrue(any("60 packets of flows beyond the first 8" in note for note in summary["notes"]))

    @unittest.skipUnless(shutil.which("tcpdump"), "tcpdump is not installed")
    def test_tcpdump_reads_and_writes_the_same(self):
        frames = [out(0, tcp(DEVICE, SERVER)), back(1, tcp("198.51.100.7", DEVICE, 50000, 22)), out(2, udp(DEVICE6, SERVER6))]
        rows, _ = self.simulate(frames, "--write-dropped", "d.pcap")
        tcpdump = lambda *arguments: subprocess.run(["tcpdump", "-n", *arguments], cwd=self.folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
        self.assertIn("IP 198.51.100.7.50000 > 192.168.1.20.22", tcpdump("-r", "d.pcap"))
        for arguments in ((), ("--time-stamp-precision=micro",), ("-s", "60")):
            tcpdump("-r", "c.pcap", "-w", "again.pcap", *arguments)
            code, text, errors = run("simulate", "p.vpnpolicy", "--pcap", "again.pcap", "--state", "up.json", "--format", "jsonl", folder=self.folder)
            self.assertEqual(code, 0, errors)
            self.assertEqual([json.loads(line) for line in text.splitlines()][:-1], rows)

    # --- What goes wrong ---

    def test_wrong_usage(self):
        self.write("c.pcap", pcap([]))
        for arguments in ((), ("--pcap", "c.pcap"), ("--state", "up.json"), ("--pcap", "c.pcap", "--state", "up.json", "--timeline", "t.yaml"), ("--pcap", "-", "--state", "-"),
                          ("--pcap", "c.pcap", "--state", "up.json", "--names", "quic"), ("--pcap", "c.pcap", "--state", "up.json", "--most", "x")):
            self.assertEqual(run("simulate", "p.vpnpolicy", *arguments, folder=self.folder)[0], 2, arguments)
        for arguments in (("--pcap", "none.pcap", "--state", "up.json"), ("--pcap", ".", "--state", "up.json"), ("--pcap", "c.pcap", "--state", "."), ("--pcap", "c.pcap", "--timeline", "none.yaml")):
            self.assertEqual(run("simulate", "p.vpnpolicy", *arguments, folder=self.folder)[0], 3, arguments)
        self.assertEqual(self.simulate([])[1]["capture"]["packets"], 0)

    def test_standard_input_and_profiles(self):
        content = pcap([out(0, tcp(DEVICE, SERVER))])
        code, text, errors = run("simulate", SOURCE / "profiles" / "always-on.mobileconfig", "--platform", "ios", "--pcap", "-", "--state", "up.json", "--format", "jsonl", folder=self.folder, stdin=content)
        self.assertEqual((code, json.loads(text.splitlines()[0])["verdict"]), (0, "tunnel"))
        self.assertIn("note: compiled in memory", errors)

    def test_damaged_captures(self):
        frames = [out(i, tcp(DEVICE, SERVER)) for i in range(10)] + [back(11, tcp("198.51.100.7", DEVICE, 50000, 22))]
        for whole in (pcap(frames), pcapng(frames)):
            for kept in (len(whole) - 100, len(whole) - 1):
                rows, _ = self.simulate(frames, "--write-dropped", "d.pcap", content=whole[:kept], code=1)
                self.assertIn("cannot be read any further", self.errors)
                self.assertGreaterEqual(rows[0]["packets"], 8)
                self.assertTrue((self.folder / "d.pcap").exists())
            for kept in (0, 3, 20):
                self.simulate(frames, content=whole[:kept] or b"\0", code=1)
                self.assertIn("no capture", self.errors)

    def test_hostile_captures(self):
        rng = random.Random(5)
        good = pcapng([out(i, tcp(DEVICE, SERVER, payload=client_hello("a.example"))) for i in range(3)] + lookup("a.example.com", [SERVER], 4)), pcap(lookup("a.example.com", [SERVER]) + [out(5, tcp(DEVICE, SERVER, payload=client_hello("a")))])
        for _ in range(150):
            damaged = bytearray(rng.choice(good))
            for _ in range(rng.randrange(1, 8)):
                damaged[rng.randrange(24, len(damaged))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
            self.write("c.pcap", bytes(damaged))
            code, _, errors = run("simulate", "p.vpnpolicy", "--pcap", "c.pcap", "--state", "up.json", folder=self.folder, timeout=10)
            self.assertIn(code, (0, 1), errors)

    def test_interrupted(self):
        """Ctrl-C in the midst of it leaves nothing."""
        content = pcap([back(0, tcp("198.51.100.7", DEVICE, 50000, 22))])
        with subprocess.Popen([PROGRAM, "simulate", "p.vpnpolicy", "--pcap", "-", "--state", "up.json", "--write-dropped", "d.pcap"], cwd=self.folder, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(content)
            process.stdin.flush()
            end = time.monotonic() + 5
            while time.monotonic() < end and not any("tmpfile" in os.readlink(fd) or " (deleted)" in os.readlink(fd) for fd in self.descriptors(process.pid)):
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=10)
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["down.json", "p.vpnpolicy", "up.json"])

    @staticmethod
    def descriptors(pid):
        return list(pathlib.Path(f"/proc/{pid}/fd").iterdir())


if __name__ == "__main__":
    unittest.main()
