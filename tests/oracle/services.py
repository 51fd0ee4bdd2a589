"""S2: services, roles and captive probes, from the data files in schemas/.

test_schemas.py checks that this data says what semantics.md says.
"""

import functools
from pathlib import Path

import yaml

import addresses

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
PROTOCOLS = {"tcp": 6, "udp": 17}
BY_PROFILE_NAME = {
    "VoiceMail": "voicemail", "AirPrint": "airprint", "CellularServices": "cellular-services",
    "DeviceCommunication": "device-communication"}


def read(name):
    return yaml.safe_load((SCHEMAS / name).read_text(encoding="utf-8"))


def as_list(value):
    return value if isinstance(value, list) else [] if value is None else [value]


@functools.lru_cache(maxsize=1)
def known_apps():
    """Identities that are known without an app map: bundle identifier -> roles."""
    return {app: as_list(entry.get("roles")) for app, entry in read("apps.yaml").items()}


@functools.lru_cache(maxsize=1)
def captive_probes():
    """S1.f: (host, port) of the captive detection."""
    return [(entry["host"], entry["port"]) for entry in read("probes.yaml")["captive"]]


@functools.lru_cache(maxsize=1)
def selectors():
    found = []
    for service, entries in read("services.yaml").items():
        for entry in entries:
            protocol = PROTOCOLS[entry["protocol"]] if "protocol" in entry else None
            prefixes = [addresses.prefix(p) for p in as_list(entry.get("prefixes"))]
            found.append((service, set(as_list(entry.get("roles"))), protocol, as_list(entry.get("ports")), prefixes,
                          bool(entry.get("local"))))
    return found


def of_flow(app_roles, protocol, port, addr, is_local):
    """All services that a flow belongs to; `addr` is already the judged one."""
    found = set()
    for service, roles, wanted_protocol, ports, prefixes, local in selectors():
        if roles and not roles & app_roles:
            continue
        if wanted_protocol is not None and protocol != wanted_protocol:
            continue
        if ports and port not in ports:
            continue
        if prefixes and not addresses.in_any(prefixes, addr):
            continue
        if local and not is_local:
            continue
        found.add(service)
    return found
