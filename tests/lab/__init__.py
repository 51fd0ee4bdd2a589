"""The lab: network namespaces with a device, two access networks, a VPN gateway and an internet, and what happens in them.

Run it with `./dev lab`, or `python3 -m tests.lab` in the root of the tree. As root; Linux 6.1 or newer.
"""
