"""What a whole machine sends, as the host sees it: QEMU keeps every frame of its only network card in a file. So nothing that
happens inside, a power cut above all, can hide a frame."""

import struct

from tests.lab import frames, world

CARD = bytes.fromhex("525400123456")  # QEMU's own choice
HOST, ADDRESS, ADDRESS6, HOST6 = "10.0.2.2", "10.0.2.15", "fec0::15", "fec0::2"
SERVER, SERVER6 = "198.51.100.80", "2001:db8:100::80"
TOKEN = b"vpnlab-on-the-wire"
_FILE_HEADER, _RECORD = 24, struct.Struct("<IIII")


def options(path, network="user,restrict=on"):
    """For QEMU: a network that leads nowhere unless said, and the file."""
    path.unlink(missing_ok=True)
    kind, _, more = network.partition(",")
    return ["-netdev", f"{kind},id=wire,{more}", "-device", "virtio-net-pci,netdev=wire,romfile=", "-object", f"filter-dump,id=dump,netdev=wire,file={path}"]


def sent(path):
    """The frames that the machine sent, the last one cut short or not."""
    data = path.read_bytes() if path.exists() else b""
    at = _FILE_HEADER
    while at + _RECORD.size <= len(data):
        _, _, size, _ = _RECORD.unpack_from(data, at)
        frame = data[at + _RECORD.size : at + _RECORD.size + size]
        if frame[6:12] == CARD:
            yield frames.parse(frame)
        at += _RECORD.size + size


def judge(path, more=(), direct=()):
    """(frames beyond S1, frames of the load). The agent's own tunnel asks for its gateway (S1.c); `more` are ports of it; `direct`
    patterns of what else the policy lets out."""
    everything = list(sent(path))
    lockdown = frames.Lockdown(endpoints=[(world.GATEWAY, frames.UDP, port) for port in (500, 4500, *more)], tunnel_addresses=[world.TUNNEL, world.TUNNEL6], direct=list(direct))
    return [frame for frame in everything if not lockdown.allows(frame)], [frame for frame in everything if TOKEN in frame.data]
