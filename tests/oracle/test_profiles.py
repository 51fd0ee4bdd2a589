"""The examples of profiles/: the oracle agrees with every expectation of every scenario file."""

import functools
import json
import unittest
from pathlib import Path

import inputs
import oracle

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
STATUSES = {"invalid", "disconnected", "connecting", "connected", "reasserting", "disconnecting"}
RULES = {"S0", "S1.a", "S1.b", "S1.c", "S1.d", "S1.e", "S1.f", "S3", "S3.a", "S3.b", "S3.c", "S3.d", "S3.e", "S4", "S4.e",
         "S5", "S5.a", "S5.b", "S5.c", "S5.d", "S5.e", "S5.f", "S6.b", "S7", "S8"}


@functools.lru_cache(maxsize=1)
def scenarios():
    return {path: inputs.read_yaml(path) for path in sorted(PROFILES.glob("*.test.yaml"))}


def examples():
    """A profile, or a folder with the declarations of one device."""
    return [p for p in PROFILES.iterdir() if p.suffix == ".mobileconfig" or p.is_dir()]


def state_data(data):
    return json.loads((PROFILES / data["file"]).read_text(encoding="utf-8")) if "file" in data else data


class Scenarios(unittest.TestCase):
    def test_the_oracle_agrees(self):
        for path, scenario in scenarios().items():
            app_map = PROFILES / scenario["app_map"] if "app_map" in scenario else None
            policy = inputs.load([PROFILES / p for p in scenario["profiles"]], app_map, scenario["platform"])
            states = {name: inputs.State(state_data(data)) for name, data in scenario["states"].items()}
            for case in scenario["cases"]:
                with self.subTest(file=path.name, state=case["state"], flow=case["flow"]):
                    got = oracle.decide(policy, states[case["state"]], case["flow"])
                    self.assertEqual((got.verdict, got.rule), (case["expect"], case["rule"]))
                    self.assertEqual(got.tunnel, case.get("tunnel"))

    def test_every_example_has_a_scenario(self):
        self.assertGreaterEqual(len(examples()), 14)
        for example in examples():
            scenario = scenarios().get(PROFILES / (example.stem + ".test.yaml"))
            self.assertIsNotNone(scenario, example.name)
            self.assertEqual({PROFILES / p for p in scenario["profiles"]}, set(example.iterdir()) if example.is_dir() else {example})

    def test_every_status_of_every_example(self):
        for path, scenario in scenarios().items():
            used = [state_data(scenario["states"][case["state"]]) for case in scenario["cases"]]
            met = {tunnel["status"] for state in used for tunnel in state.get("tunnels", {}).values()}
            self.assertEqual(met, STATUSES, path.name)

    def test_every_state_is_used(self):
        for path, scenario in scenarios().items():
            self.assertEqual({case["state"] for case in scenario["cases"]}, set(scenario["states"]), path.name)

    def test_every_rule_is_shown(self):
        self.assertEqual({case["rule"] for s in scenarios().values() for case in s["cases"]}, RULES)

    def test_the_index_names_every_file(self):
        index = (PROFILES / "README.md").read_text(encoding="utf-8")
        for example in examples():
            self.assertIn(f"({example.name})", index)


if __name__ == "__main__":
    unittest.main()
