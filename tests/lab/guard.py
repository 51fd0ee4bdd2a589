"""What stands between an attack and the wire."""


class Off:
    """Nothing: the control."""

    name = "off"

    def engage(self):
        pass

    def check(self):
        """What it was engaged for still holds."""

    def release(self):
        pass


class Gate:
    """A hand-written gate at the interfaces: it stops all that passes nftables' netdev hook. It is no part of the product;
    the lab tests itself with it: every attack but those of tests/attacks that pass below (AF_XDP) must fail."""

    name = "gate"

    def __init__(self, world):
        self._world = world

    def engage(self):
        links = ", ".join(access.link for access in self._world.accesses)
        self._world.device.run(["nft", "-f", "-"], text=f"""
table netdev lab {{
  chain out {{
    type filter hook egress devices = {{ {links} }} priority 0; policy drop;
    ether type arp arp saddr ip != 10.99.0.2 arp daddr ip != 10.99.0.2 accept
    icmpv6 type {{ 133, 135, 136 }} ip6 hoplimit 255 accept
    icmpv6 type {{ 130, 131, 132, 143 }} ip6 hoplimit 1 accept
    ip protocol igmp ip ttl 1 accept
    udp sport 68 udp dport 67 ip daddr 255.255.255.255 accept
  }}
}}""")

    def check(self):
        pass

    def release(self):
        self._world.device.run(["nft", "delete", "table", "netdev", "lab"])
