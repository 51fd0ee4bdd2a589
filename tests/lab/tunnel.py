"""A tunnel without cryptography: a TUN device of the device's namespace whose packets come out in the gateway's, copied by a
process. The interface of some VPN client, as far as the agent can tell."""

import fcntl
import os
import select
import struct

from tests.lab import undo
from tests.lab import world as places
from tests.lab.process import Child

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
MTU = 1400


def open_tun(namespace, name):
    """The descriptor of a new TUN device, which lasts as long as the descriptor."""
    with namespace.inside():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


FIRST = (places.TUNNEL, places.TUNNEL6, f"{places.INSIDE}/24", f"{places.INSIDE6}/64")  # the device's addresses, the gateway's
SECOND = ("10.98.0.2", "fd00:98::2", "10.98.0.1/24", "fd00:98::1/64")


class Tunnel:
    def __init__(self, world, name="tun0", addresses=FIRST):
        self.name = name
        self._world = world
        self._own, self._own6, far, far6 = addresses
        self._far = open_tun(world.gateway, name)
        world.gateway.ip(f"addr add {far} dev {name}", f"addr add {far6} dev {name} nodad", f"link set {name} mtu {MTU} up")
        self._pump = None
        self.make()
        undo.later(self.remove)

    def make(self):
        """The device's end, made (again)."""
        device = self._world.device
        self._pump = Child(_pump, device, self.name, self._far, cgroup=self._world.outside)
        self._pump.receive()
        device.sysctl(**{f"net__ipv6__conf__{self.name}__addr_gen_mode": 1})  # no link-local address, no noise
        device.ip(f"addr add {self._own}/32 dev {self.name}", f"addr add {self._own6}/128 dev {self.name} nodad",
                  f"link set {self.name} mtu {MTU} up")

    def routes(self):
        """What VPN clients do: two halves of the world beat the default route. Lost with the device."""
        self._world.device.ip(f"route add 0.0.0.0/1 dev {self.name}", f"route add 128.0.0.0/1 dev {self.name}",
                              f"route add ::/1 dev {self.name}", f"route add 8000::/1 dev {self.name}")

    def no_routes(self):
        for half in ("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"):
            self._world.device.run(["ip", "route", "delete", half, "dev", self.name], check=False)  # gone with the device already?

    def remove(self):
        """The device's end goes away, as when its client was killed."""
        if self._pump:
            self._pump.stop()
        self._pump = None

    def entered(self):
        """(packets, bytes) that entered from the device since it was made."""
        self._pump.send("count")
        return self._pump.receive()


def _pump(channel, device, name, far):
    """Nobody but this process has the device's end: when it ends, the device is gone."""
    near = open_tun(device, name)
    channel.send("ready")
    packets = count = 0
    poll = select.epoll()
    for fd in (near, far, channel.fileno()):
        poll.register(fd, select.EPOLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == channel.fileno():
                try:
                    channel.recv()
                except EOFError:
                    return
                channel.send((packets, count))
                continue
            try:
                packet = os.read(fd, 65536)
                if fd == near:
                    packets, count = packets + 1, count + len(packet)
                os.write(far if fd == near else near, packet)
            except OSError:
                continue  # down for the moment
