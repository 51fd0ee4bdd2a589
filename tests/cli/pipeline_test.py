"""packaging/github, packaging/gitlab and the pre-commit hooks: their very steps, run in a temporary repository."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import yaml

from program import PROGRAM, SOURCE, Case

PROFILE = (SOURCE / "profiles/always-on.mobileconfig").read_text(encoding="utf-8")
FAULTY = (SOURCE / "docs/demo/faulty.mobileconfig").read_text(encoding="utf-8")
ACTION = yaml.safe_load((SOURCE / "packaging/github/action.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((SOURCE / "packaging/gitlab/vpnprofile.gitlab-ci.yml").read_text(encoding="utf-8"))
HOOKS = {h["id"]: h for h in yaml.safe_load((SOURCE / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}


class Repository(Case):
    """A clone whose first commit is the base, with vpnprofile on the PATH."""

    def setUp(self):
        super().setUp()
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "vpnprofile").symlink_to(PROGRAM)
        self.environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "GIT_CONFIG_GLOBAL": str(self.folder / "gitconfig"),
                            "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": str(self.folder), "SOURCE_DATE_EPOCH": "1790000000"}
        self.write("gitconfig", "[user]\nname = a\nemail = a@example.com\n[uploadpack]\nallowAnySHA1InWant = true\n")
        self.origin = self.folder / "origin"
        self.origin.mkdir()
        self.git("init", "-q", "-b", "main", folder=self.origin)
        self.write("origin/phones/a.mobileconfig", PROFILE)
        self.commit(self.origin)
        self.base = self.git("rev-parse", "HEAD", folder=self.origin)
        self.write("origin/phones/a.mobileconfig", PROFILE.replace("Always-on VPN", "The VPN"))
        self.commit(self.origin)
        self.clone = self.folder / "clone"
        self.git("clone", "-q", "--depth=1", f"file://{self.origin}", str(self.clone), folder=self.folder)

    def git(self, *arguments, folder):
        return subprocess.run(["git", *arguments], cwd=folder, env=self.environment, check=True, stdout=subprocess.PIPE).stdout.decode().strip()

    def commit(self, folder):
        self.git("add", "-A", folder=folder)
        self.git("commit", "-q", "-m", "x", folder=folder)

    def shell(self, script, shell, **environment):
        done = subprocess.run([*shell, script], cwd=self.clone, env={**self.environment, **environment}, check=False, timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode()


class GitHub(Repository):
    def action(self, pull_request_base="", **inputs):
        """Runs the check of the action as the runner does; (exit code, log, summary, outputs)."""
        given = {name: inputs.pop(name.replace("-", "_"), i["default"]) for name, i in ACTION["inputs"].items()}
        self.assertEqual(inputs, {})
        (step,) = [s for s in ACTION["runs"]["steps"] if s["id"] == "check"]
        self.assertNotIn("${{", step["run"], "what others write must not become part of a script")
        values = {**{f"inputs.{name}": value for name, value in given.items()}, "github.event.pull_request.base.sha": pull_request_base}
        environment = {name: re.sub(r"\$\{\{ (.*?) \}\}", lambda m: values[m.group(1)], value) for name, value in step["env"].items()}
        for name in ("summary", "output"):
            (self.folder / name).write_text("", encoding="utf-8")
        code, log = self.shell(step["run"], ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"],
                               GITHUB_STEP_SUMMARY=str(self.folder / "summary"), GITHUB_OUTPUT=str(self.folder / "output"), **environment)
        return code, log, self.read("summary"), self.read("output")

    def test_a_pull_request(self):
        code, log, summary, output = self.action(pull_request_base=self.base, paths="  phones  \n\n", junit="r.xml")
        self.assertEqual((code, output), (0, "passed=true\n"), log)
        self.assertIn("✅ vpnprofile: 1 device passed", summary)
        self.assertIn("Compared with", summary)
        self.assertRegex(summary, r"\|  \| diff \| ✅ \| no traffic changes its verdict")
        self.assertTrue((self.clone / "r.xml").exists())

    def test_a_checkout_of_another_user(self):
        """As in a container, where git would not read it."""
        base = self.git("rev-parse", "HEAD", folder=self.clone)
        self.environment["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
        self.assertEqual(self.shell("vpnprofile ci phones --base HEAD", ["sh", "-c"])[0], 2)
        code, log, summary, _ = self.action(pull_request_base=base, paths="phones")
        self.assertEqual(code, 0, log)
        self.assertIn("no traffic changes its verdict", summary)
        code, log = self.shell(GITLAB[".vpnprofile"]["script"][1], ["sh", "-ec"], VPNPROFILE_PATHS="phones", CI_MERGE_REQUEST_DIFF_BASE_SHA=base,
                               GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="user.name", GIT_CONFIG_VALUE_0="b")
        self.assertEqual(code, 0, log)
        self.assertIn(f"compared with {base}", log)

    def test_what_is_wrong_is_annotated(self):
        self.write("clone/phones/a.mobileconfig", FAULTY)
        code, log, summary, output = self.action(pull_request_base=self.base, paths="phones")
        self.assertEqual((code, output), (1, "passed=false\n"), log)
        self.assertIn("::error file=phones/a.mobileconfig,line=44", log)
        self.assertIn("❌", summary)

    def test_a_push_and_every_input(self):
        code, log, summary, _ = self.action()
        self.assertEqual(code, 0, log)
        self.assertIn("no --base to compare with", summary)
        code, log, summary, _ = self.action(base="none", fail_on="never", prove="none", pull_request_base=self.base)
        self.assertEqual(code, 0, log)
        self.assertIn("no property asked for", summary)

    def test_hostile_inputs_are_words(self):
        code, log, _, _ = self.action(paths="$(touch hostile)\n`touch hostile`; touch hostile\n--help")
        self.assertNotEqual(code, 0)
        self.assertFalse((self.clone / "hostile").exists())
        self.assertNotIn("usage:", log)

    def test_an_address_needs_a_digest(self):
        (step,) = [s for s in ACTION["runs"]["steps"] if s["id"] == "install"]
        code, log = self.shell(step["run"], ["bash", "-c"], PACKAGE="https://downloads.example.com/x.deb", SHA256="")
        self.assertEqual(code, 2)
        self.assertIn("package-sha256 is needed", log)
        self.write("clone/x.deb", "no package")
        code, log = self.shell(step["run"], ["bash", "-c"], PACKAGE="x.deb", SHA256="0" * 64)
        self.assertNotEqual(code, 0)
        self.assertIn("did NOT match", log)


class GitLab(Repository):
    def job(self, **variables):
        job = GITLAB[GITLAB["vpnprofile"]["extends"]]
        known = {**{name: str(value) for name, value in job["variables"].items()}, **variables}
        results = [self.shell(part, ["sh", "-ec"], **known) for part in job["script"]]
        self.assertEqual(results[0], (0, ""))
        for report in (*job["artifacts"]["reports"].values(), *job["artifacts"]["paths"]):
            self.assertTrue((self.clone / report).exists(), results)
        return results[1]

    def test_a_merge_request(self):
        code, log = self.job(VPNPROFILE_PATHS="phones", CI_MERGE_REQUEST_DIFF_BASE_SHA=self.base)
        self.assertEqual(code, 0, log)
        self.assertIn(f"compared with {self.base}", log)
        self.assertEqual(json.loads((self.clone / "gl-code-quality-report.json").read_text(encoding="utf-8")), [])

    def test_a_star_is_a_name(self):
        code, log = self.shell(GITLAB[".vpnprofile"]["script"][1], ["sh", "-ec"], VPNPROFILE_PATHS="phones *")
        self.assertEqual(code, 3, log)
        self.assertIn("*: there is no such file", log)

    def test_errors_are_in_the_reports(self):
        self.write("clone/phones/a.mobileconfig", FAULTY)
        code, log = self.job(VPNPROFILE_OPTIONS="--prove none")
        self.assertEqual(code, 1, log)
        report = json.loads((self.clone / "gl-code-quality-report.json").read_text(encoding="utf-8"))
        self.assertIn("VP1301/dangling-certificate", [e["check_name"] for e in report])


class PreCommit(Repository):
    def entry(self, hook, *files):
        words = [*HOOKS[hook]["entry"].split(), *(files if HOOKS[hook].get("pass_filenames", True) else [])]
        return subprocess.run(words, cwd=self.clone, env=self.environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode

    def test_entries(self):
        for hook in HOOKS:
            self.assertEqual(self.entry(hook, "phones/a.mobileconfig"), 0, hook)
            self.assertEqual(HOOKS[hook]["language"], "system")
        self.write("clone/phones/a.mobileconfig", FAULTY)
        for hook in HOOKS:
            self.assertEqual(self.entry(hook, "phones/a.mobileconfig"), 1, hook)

    @unittest.skipIf(shutil.which("pre-commit", path="/usr/bin") is None, "pre-commit is not installed")
    def test_with_pre_commit_itself(self):
        hooks = self.folder / "hooks"
        hooks.mkdir()
        shutil.copy(SOURCE / ".pre-commit-hooks.yaml", hooks)
        self.git("init", "-q", "-b", "main", folder=hooks)
        self.commit(hooks)
        revision = self.git("rev-parse", "HEAD", folder=hooks)
        config = {"repos": [{"repo": str(hooks), "rev": revision, "hooks": [{"id": "vpnprofile-lint"}, {"id": "vpnprofile-ci", "args": ["phones"]}]}]}
        self.write("clone/.pre-commit-config.yaml", yaml.safe_dump(config))
        self.environment["PRE_COMMIT_HOME"] = str(self.folder / "cache")
        self.git("add", "-A", folder=self.clone)
        code, log = self.shell("exec /usr/bin/pre-commit run --all-files --verbose", ["sh", "-c"])
        self.assertEqual(code, 0, log)
        self.assertIn("1 device passed, compared with HEAD", log)
        self.write("clone/phones/a.mobileconfig", FAULTY)
        self.git("add", "-A", folder=self.clone)
        code, log = self.shell("exec /usr/bin/pre-commit run --all-files", ["sh", "-c"])
        self.assertEqual(code, 1, log)
        self.assertIn("VP1301", log)


class Scripts(Case):
    @unittest.skipIf(shutil.which("shellcheck") is None, "shellcheck is not installed")
    def test_shellcheck(self):
        scripts = [("bash", s["run"]) for s in ACTION["runs"]["steps"]] + [("sh", part) for part in GITLAB[".vpnprofile"]["script"]]
        for shell, script in scripts:
            done = subprocess.run(["shellcheck", "--shell", shell, "-"], input=script.encode(), check=False, stdout=subprocess.PIPE)
            self.assertEqual(done.returncode, 0, done.stdout.decode())


if __name__ == "__main__":
    unittest.main()
