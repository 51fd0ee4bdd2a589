"""lint --format sarif passes Microsoft's validator. `./dev test` installs it; exit 77 says that it is not there."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import SOURCE, run

VALIDATOR = SOURCE / "tests/cli/sarif/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"


def complaints(text):
    """Errors that the validator has about a SARIF log: the schema's (JSON…) and the specification's (SARIF1…)."""
    with tempfile.TemporaryDirectory() as folder:
        log, report = pathlib.Path(folder) / "log.sarif", pathlib.Path(folder) / "report.sarif"
        log.write_text(text, encoding="utf-8")
        subprocess.run([VALIDATOR, "validate", log, "--output", report, "--quiet"], check=True, timeout=120,
                       env={"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": folder, "TMPDIR": folder, "PATH": "/usr/bin:/bin"})
        results = json.loads(report.read_text(encoding="utf-8-sig"))["runs"][0].get("results", [])
        return [(r["ruleId"], r["message"]) for r in results if r.get("level", "warning") == "error"]


class Sarif(unittest.TestCase):
    def test_the_validator_finds_what_is_wrong(self):
        self.assertTrue(complaints('{"version": "2.1.0", "runs": [{"tool": {"driver": {"nam": "x"}}}]}'))

    def test_every_hard_case_of_the_format(self):
        golden = SOURCE / "tests/unit/format/golden/findings.sarif"
        self.assertEqual(complaints(golden.read_text(encoding="utf-8")), [])

    def test_what_lint_prints(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(SOURCE / "docs/demo/faulty.mobileconfig", pathlib.Path(folder) / "a b.mobileconfig")
            (pathlib.Path(folder) / "broken.mobileconfig").write_text("<plist><dict></plist>", encoding="utf-8")
            code, text, _ = run("lint", ".", "--format", "sarif", "--platform", "ios,macos,linux", folder=folder)
        self.assertEqual(code, 1)
        self.assertGreater(len(json.loads(text)["runs"][0]["results"]), 3)
        self.assertEqual(complaints(text), [])


if __name__ == "__main__":
    if not VALIDATOR.exists():
        print(f"skipped: {VALIDATOR} is not installed")
        sys.exit(77)
    unittest.main()
