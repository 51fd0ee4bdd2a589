#!/usr/bin/python3
"""Compares `vpnprofile dump` with the oracle's reading of random profiles, and the policies of one configuration in its forms:
XML, binary, and as declarations.

  compare_dump.py --vpnprofile build/release/bin/vpnprofile --seed 1 --rounds 50
"""

import argparse
import copy
import json
import os
import random
import secrets
import sys
import tempfile
from pathlib import Path

import domains
import forms
import generate_policy
import inputs
import product

PROVENANCE = ("source", "sources", "files", "sha256")
SOURCE = {"file", "line", "column", "path"}


class Difference(Exception):
    """What the dump says and what the profiles say."""


def first_difference(a, b, path=""):
    """Where two trees differ first, and what stands there."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(set(a) | set(b)):
            if a.get(key) != b.get(key):
                return first_difference(a.get(key), b.get(key), f"{path}.{key}")
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for n, (x, y) in enumerate(zip(a, b)):
            if x != y:
                return first_difference(x, y, f"{path}[{n}]")
    return path, a, b


def same(what, got, wanted):
    if got != wanted:
        path, one, other = first_difference(got, wanted)
        raise Difference(f"{what}{path}\n  first:  {json.dumps(one)}\n  second: {json.dumps(other)}")


def dump(program, policy):
    done = product.run([program, "dump", policy, "--format", "json"])
    if done.returncode != 0:
        raise product.Refused(f"dump: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def without_provenance(tree):
    if isinstance(tree, dict):
        if set(tree) == SOURCE:
            return "somewhere"
        return {key: without_provenance(value) for key, value in tree.items() if key not in PROVENANCE}
    return [without_provenance(value) for value in tree] if isinstance(tree, list) else tree


# The dump in the words of the model ---------------------------------------------------------------


def name_of(entry):
    """A-labels, a leading "*." kept."""
    return ("*." if entry.startswith("*.") else "") + domains.a_labels(entry.removeprefix("*."))


def dumped_rules(tree, on_demand):
    made = []
    for rule in (on_demand or {}).get("rules", []):
        parameters = [(sorted(tree["domain_lists"][p["domain_list"]]["names"]), p["action"], p.get("dns_servers", []), p.get("url_probe"))
                      for p in rule.get("parameters", [])]
        made.append([rule["action"], rule.get("interface_type"), rule.get("ssids"), rule.get("dns_domains"), rule.get("dns_servers"),
                     rule.get("url_probe"), parameters])
    return made


ACTIONS = {"Connect": "connect", "Disconnect": "disconnect", "Ignore": "ignore", "Allow": "allow", "EvaluateConnection": "evaluate"}
DOMAIN_ACTIONS = {"NeverConnect": "never-connect", "ConnectIfNeeded": "connect-if-needed"}


def modelled_rules(rules):
    made = []
    for rule in rules:
        parameters = [(sorted({name_of(d) for d in p["Domains"]}), DOMAIN_ACTIONS[p["DomainAction"]], p.get("RequiredDNSServers", []),
                       p.get("RequiredURLStringProbe")) for p in rule.get("ActionParameters", [])]
        matched = rule.get("DNSDomainMatch")
        made.append([ACTIONS[rule["Action"]], rule["InterfaceTypeMatch"].lower() if "InterfaceTypeMatch" in rule else None,
                     rule.get("SSIDMatch"), None if matched is None else [name_of(d) for d in matched], rule.get("DNSServerAddressMatch"),
                     rule.get("URLStringProbe"), parameters])
    return made


def compare_on_demand(tree, entry, vpn):
    found = entry.get("on_demand") or {"enabled": False}
    same(f"on-demand rules of {vpn.name}", dumped_rules(tree, found), modelled_rules(vpn.on_demand.rules))
    if vpn.on_demand.rules:
        same(f"on-demand of {vpn.name}", found["enabled"], vpn.on_demand.enabled)


def compare_devices(tree, model):
    same("device-wide VPNs", [d["vpn"] for d in tree["devices"]], [v.name for v in model.device_wide])
    for entry, vpn in zip(tree["devices"], model.device_wide):
        flags = {"include_all_networks": vpn.include_all, "enforce_routes": vpn.enforce_routes and not vpn.include_all, "exclude_local_networks": vpn.exclude_local,
                 "exclude_cellular_services": vpn.exclude_cellular, "exclude_apns": vpn.exclude_apns,
                 "exclude_device_communication": vpn.exclude_device_communication, "override_primary": vpn.override_primary}
        if not vpn.include_all and not vpn.enforce_routes:  # what nothing reads: the defaults may be filled in or not
            flags = {key: on for key, on in flags.items() if not key.startswith("exclude_")}
        same(f"flags of {vpn.name}", {key: entry[key] for key in flags}, flags)
        compare_on_demand(tree, entry, vpn)


def compare_per_app(tree, model):
    same("per-app VPNs", [v["vpn"] for v in tree["per_app"]], [v.name for v in model.per_app])
    lists = {}
    for entry in tree["domain_lists"]:
        if entry["kind"] not in ("associated", "evaluate", "dns-supplemental") and entry["names"]:
            lists[(entry["vpn"], {"excluded": "excluded", "safari": "browser"}.get(entry["kind"], entry["kind"]))] = sorted(entry["names"])
    wanted = {}
    for entry, vpn in zip(tree["per_app"], model.per_app):
        compare_on_demand(tree, entry, vpn)
        for role, names in {**vpn.triggers, "excluded": vpn.excluded_domains}.items():
            if names:
                wanted[(vpn.name, role)] = sorted({name_of(n) for n in names})
    same("domain lists", {" ".join(k): v for k, v in lists.items()}, {" ".join(k): v for k, v in wanted.items()})


def compare_apps(tree, model):
    """Who governs an app, and which of its helpers."""
    governed, tools = {}, {}
    for vpn in model.per_app:
        for mapping in vpn.mappings:
            if not mapping.tools:
                governed.setdefault(mapping.app, set()).add(vpn.name)
            for identifier, _ in mapping.tools:
                tools.setdefault(mapping.app, {}).setdefault(vpn.name, set()).add(identifier)
    apps = {a["identifier"]: a for a in tree["apps"]}
    same("governed apps", {n: sorted(a["governed_by"]) for n, a in apps.items() if a.get("governed_by")}, {n: sorted(v) for n, v in governed.items()})
    for app, by_vpn in tools.items():
        found = {t["vpn"]: set(t["tools"]) for t in apps[app].get("governed_tools", [])}
        for vpn, names in by_vpn.items():
            if not names <= found.get(vpn, set()):
                raise Difference(f"tools of {app} under {vpn}: {sorted(found.get(vpn, []))}, not {sorted(names)}")
    for name, app in apps.items():  # roles that nothing looks at may be left out
        if not set(app.get("roles", [])) <= model.roles.get(name, set()):
            raise Difference(f"roles of {name}: {app['roles']}, not {sorted(model.roles.get(name, []))}")


def compare_always_on(tree, model):
    made, wanted = tree["always_on"], model.always_on
    same("always-on", made is not None, wanted is not None)
    if wanted is None:
        return
    same("tunnels", [(t["vpn"], sorted(t["interfaces"])) for t in made["tunnels"]], [(n, sorted(types) or ["all"]) for n, types in wanted.tunnels])
    same("services", [(s["service"], s["action"]) for s in made["service_exceptions"]], [(s, a.lower()) for s, a in wanted.services])
    same("captive", (made["captive_websheet"], made["captive_all"]), (wanted.web_sheet, wanted.all_plugins))
    exceptions, plugins = {}, set(wanted.plugins)
    for app, limit in wanted.apps:
        exceptions.setdefault(app, set()).update({"any"} if limit is None else limit)
    found = {a["identifier"]: set(a["exceptions"]) for a in tree["apps"] if a.get("exceptions")}
    same("application exceptions", {a: sorted(s - {"captive_plugin"}) for a, s in found.items() if s - {"captive_plugin"}},
         {a: sorted(s) for a, s in exceptions.items() if s})
    if not wanted.all_plugins:  # S3.a: else they are not read
        same("captive plug-ins", sorted(a for a, s in found.items() if "captive_plugin" in s), sorted(plugins))


def compare_model(tree, model):
    same("platform", tree["platform"], model.platform)
    compare_always_on(tree, model)
    compare_per_app(tree, model)
    compare_devices(tree, model)
    compare_apps(tree, model)
    tunnels = {t["id"]: t for t in tree["tunnels"]}
    same("tunnels", sorted(tunnels), sorted(model.tunnel_names()))
    same("app proxies", {v.name: tunnels[v.name]["app_proxy"] for v in model.vpns()}, {v.name: v.proxy for v in model.vpns()})
    same("servers", sorted(tree["servers"]), sorted(model.server_names()))


def check_sources(tree, documents):
    """Every source names a value that is in its document."""
    if isinstance(tree, list):
        for value in tree:
            check_sources(value, documents)
    if not isinstance(tree, dict):
        return
    if set(tree) == SOURCE:
        value = documents[Path(tree["file"]).name]
        for step in tree["path"].replace("[", ".[").split("."):
            try:
                value = value[int(step[1:-1])] if step.startswith("[") else value[step] if step else value
            except (KeyError, IndexError, TypeError) as error:
                raise Difference(f"{tree} is nowhere: {error!r}") from error
        return
    for value in tree.values():
        check_sources(value, documents)


# Rounds -------------------------------------------------------------------------------------------


def one_round(program, rng, folder):
    world = generate_policy.PolicyGenerator(rng).generate()
    world["binary"] = []
    tree = dump(program, product.compile_world(program, world, folder / "xml"))
    compare_model(tree, inputs.build(world["documents"], world["app_map"], world["platform"]))
    check_sources(tree, {p.name: d for p, d in zip(sorted((folder / "xml").glob("[0-9]*")), world["documents"])})
    profiles = [n for n, document in enumerate(world["documents"]) if "Type" not in document]
    for binary in (profiles, [n for n in profiles if rng.random() < 0.5]):
        other = dump(program, product.compile_world(program, {**world, "binary": binary}, folder / "binary"))
        same(f"with the documents {binary} binary", without_provenance(other), without_provenance(tree))
    pair = forms.Forms(rng).generate()
    compiled = [without_provenance(dump(program, product.compile_world(program, made, folder / name))) for name, made in pair.items()]
    same("declarations and payloads that say the same", *(forms.comparable(copy.deepcopy(c)) for c in compiled))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vpnprofile", required=True, type=Path, help="the program")
    parser.add_argument("--seed", type=int, action="append", help="may be given several times")
    parser.add_argument("--random-seed", action="store_true", help="one more seed, a random one")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("VPN_ORACLE_ROUNDS", "40")), help="for each seed (VPN_ORACLE_ROUNDS)")
    arguments = parser.parse_args()
    seeds = list(arguments.seed or [])
    if arguments.random_seed or not seeds:
        seeds.append(secrets.randbelow(1 << 32))
    failed = 0
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        for n in range(arguments.rounds):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    one_round(arguments.vpnprofile.resolve(), random.Random(f"{seed}/{n}"), Path(folder))
                except (Difference, product.Refused) as found:
                    failed += 1
                    print(f"seed {seed}, round {n}: {found}", flush=True)
            if failed >= 5:
                return 1
    print(f"{arguments.rounds * len(seeds)} worlds, {failed} differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
