"""Domain match of semantics.md, and the host part of URLs."""

import encodings.idna
import functools
import ipaddress
from urllib.parse import urlsplit


@functools.lru_cache(maxsize=65536)
def a_labels(name):
    """Lower-case A-labels without a trailing dot; empty when the name is no domain name."""
    for dot in "\u3002\uff0e\uff61":
        name = name.replace(dot, ".")
    if name.endswith("."):
        name = name[:-1]
    labels = []
    for label in name.split("."):
        if not label:
            return ""
        if label.isascii():
            labels.append(label.lower())
            continue
        try:
            labels.append(encodings.idna.ToASCII(label).decode("ascii").lower())
        except UnicodeError:
            return ""
    return ".".join(labels)


@functools.lru_cache(maxsize=65536)
def matches(pattern, hostname):
    """`example.com`: itself and all below; `*.example.com`: only what is below."""
    name = a_labels(hostname)
    only_below = pattern.startswith("*.")
    base = a_labels(pattern[2:] if only_below else pattern)
    if not name or not base:
        return False
    if name.endswith("." + base):
        return True
    return name == base and not only_below


def matches_any(patterns, hostname):
    return bool(hostname) and any(matches(p, hostname) for p in patterns)


def is_address(text):
    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:
        return False


def server_host(text):
    """The host of a server address, which plug-ins also write as a URL or with a port."""
    text = text or ""
    if "://" in text:
        return urlsplit(text).hostname or ""
    return text.split(":")[0] if text.count(":") == 1 else text


def url_target(url):
    """(host, port) of an HTTP or HTTPS URL, or None."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme.lower())
    if default is None or not parts.hostname:
        return None
    return parts.hostname, parts.port or default
