"""S2: services and roles, from the text of semantics.md."""

import functools

import addresses

BY_PROFILE_NAME = {
    "VoiceMail": "voicemail", "AirPrint": "airprint", "CellularServices": "cellular-services",
    "DeviceCommunication": "device-communication"}
BY_ROLE_ALONE = ("voicemail", "device-communication", "companion", "cellular-only")


@functools.lru_cache(maxsize=1)
def known_apps():
    """Identities that are known without an app map: bundle identifier -> roles."""
    return {}


@functools.lru_cache(maxsize=1)
def captive_probes():
    """S1.f: (host, port) of the captive detection."""
    return [("captive.apple.com", 80)]


def of_flow(roles, protocol, port, addr, is_local):
    """All services that a flow belongs to; `addr` is already the judged one."""
    found = {name for name in BY_ROLE_ALONE if name in roles}
    tcp, udp = protocol == 6, protocol == 17
    if udp and port == 5353 and addr in addresses.MDNS and is_local:
        found.add("airprint")
    if tcp and port == 631 and is_local:
        found.add("airprint")
    if tcp and port in (5223, 2197, 443) and addresses.in_any(addresses.APNS, addr):
        found.add("apns")
    if "cellular-services" in roles and (udp and port in (500, 4500) or tcp and port in (80, 443, 8080)):
        found.add("cellular-services")
    return found
