"""The daemon as those see it who administer it: vpnagentd and vpnagentctl as programs, in a world of the lab."""
