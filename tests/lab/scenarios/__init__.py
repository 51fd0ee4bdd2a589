"""End to end: stories of a device, its tunnels and its networks."""
