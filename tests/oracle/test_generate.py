"""The generator reaches every rule; the shrinker makes cases smaller and keeps what makes them differ."""

import random
import unittest
from unittest import mock

import generate_flows
import generate_policy
import inputs
import oracle
import shrink

RULES = {"S0", "S1.a", "S1.b", "S1.c", "S1.d", "S1.e", "S1.f", "S3", "S3.a", "S3.b", "S3.c", "S3.d", "S3.e", "S4", "S4.e",
         "S5", "S5.a", "S5.b", "S5.c", "S5.d", "S5.e", "S5.f", "S6.b", "S7", "S8"}


def world(seed):
    return generate_policy.PolicyGenerator(random.Random(seed)).generate()


class Generator(unittest.TestCase):
    def test_every_rule_is_reached(self):
        rng, met = random.Random(20240229), set()
        for _ in range(150):
            made = generate_policy.PolicyGenerator(rng).generate()
            policy = inputs.build(made["documents"], made["app_map"], made["platform"])
            for state in generate_flows.states(rng, policy, 2):
                read = inputs.State(state)
                met |= {oracle.decide(policy, read, flow).rule for flow in generate_flows.flows(rng, policy, read, 100)}
        self.assertEqual(met, RULES)

    def test_one_seed_one_world(self):
        self.assertEqual(world(7), world(7))
        self.assertNotEqual(world(7), world(8))


class Shrinking(unittest.TestCase):
    def test_only_what_matters_is_left(self):
        def judge(_program, case, _folder):
            differs = case.flow.get("remote_port") == 53 and any(i.get("ssid") for i in case.state.get("interfaces", []))
            return {"rule": "S7", "verdict": "system"}, {"rule": "S8" if differs else "S7", "verdict": "system"}

        made = shrink.Case(world(1), {"captive": True, "interfaces": [{"name": "a"}, {"name": "b", "ssid": "x", "type": "wifi"}]},
                           {"protocol": "udp", "remote_port": 53, "remote": "192.0.2.1"})
        with mock.patch.object(shrink, "judge", judge):
            small, answers = shrink.shrink("program", made, None)
        self.assertEqual(small.flow, {"remote_port": 53})
        self.assertEqual(small.state, {"interfaces": [{"ssid": "x"}]})
        self.assertEqual(small.world["documents"], [])
        self.assertNotEqual(*answers)


if __name__ == "__main__":
    unittest.main()
