"""The data of S2 and S1.f says what semantics.md says: an edit of one without the other shows here."""

import unittest

import addresses
import services

APNS = ("17.249.0.0/16", "17.252.0.0/16", "17.57.144.0/22", "17.188.128.0/18", "17.188.20.0/23", "2620:149:a44::/48",
        "2403:300:a42::/48", "2403:300:a51::/48", "2a01:b740:a42::/48")
ROLE_ALONE = ("voicemail", "device-communication", "companion", "cellular-only")


class Services(unittest.TestCase):
    def of(self, service):
        return [s[1:] for s in services.selectors() if s[0] == service]

    def test_names(self):
        self.assertEqual({s[0] for s in services.selectors()}, {*ROLE_ALONE, "airprint", "apns", "cellular-services"})

    def test_by_role_alone(self):
        for service in ROLE_ALONE:
            self.assertEqual(self.of(service), [({service}, None, [], [], False)])

    def test_airprint(self):
        mdns, ipp = self.of("airprint")
        self.assertEqual(mdns, (set(), 17, [5353], addresses.prefixes("224.0.0.251/32", "ff02::fb/128"), False))
        self.assertEqual(ipp, (set(), 6, [631], [], True))

    def test_apns(self):
        (roles, protocol, ports, prefixes, local), = self.of("apns")
        self.assertEqual((roles, protocol, sorted(ports), local), (set(), 6, [443, 2197, 5223], False))
        self.assertEqual(sorted(prefixes), sorted(addresses.prefixes(*APNS)))

    def test_cellular_services(self):
        self.assertEqual(self.of("cellular-services"), [({"cellular-services"}, 17, [500, 4500], [], False),
                                                        ({"cellular-services"}, 6, [80, 443, 8080], [], False)])

    def test_captive_probes(self):
        self.assertIn(("captive.apple.com", 80), services.captive_probes())


if __name__ == "__main__":
    unittest.main()
