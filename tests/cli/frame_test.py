"""What every command has in common: help, version, mistakes in usage, completions, the man page."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from program import PROGRAM, SOURCE, run


def commands():
    text = run("--help")[1]
    return [line.split()[0] for line in text.split("commands:\n")[1].split("\n\n")[0].splitlines()]


class Frame(unittest.TestCase):
    def test_every_command_has_help_with_an_example_and_a_version(self):
        self.assertIn("lint", commands())
        for command in commands():
            code, text, errors = run(command, "--help")
            self.assertEqual((code, errors), (0, ""), command)
            self.assertIn(f"\nexample:\n  vpnprofile {command}", text)
            self.assertEqual(run("help", command)[1], text)
            self.assertRegex(run(command, "--version")[1], r"^vpnprofile \d+\.\d+\.\d+\n$")

    def test_mistakes_are_2_and_say_what_to_do(self):
        for arguments, what in (([], "usage: vpnprofile"), (["lnit"], "did you mean 'lint'?"), (["nonsense"], "vpnprofile --help"), (["help", "lnit"], "did you mean 'lint'?"),
                                (["--nonsense"], "vpnprofile --help"), (["lint", "--fromat", "json"], "did you mean '--format'?"),
                                (["explain"], "POLICY|PROFILE… is needed"), (["--print-completion", "tcsh"], "one of bash, zsh, fish")):
            code, text, errors = run(*arguments)
            self.assertEqual((code, text), (2, ""), arguments)
            self.assertIn(what, errors)

    def test_docs_name_every_command_and_lint_option(self):
        text = (SOURCE / "docs/cli.md").read_text(encoding="utf-8")
        for command in commands():
            self.assertRegex(text, f"`{command}[ `]")
        for line in run("lint", "--help")[1].splitlines():
            if "--" in line.split("  ")[1:2] or line.startswith("      --"):
                self.assertIn(f"`{line.split()[0]}", text)


class Completion(unittest.TestCase):
    def script(self, shell):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = pathlib.Path(folder) / ("_vpnprofile" if shell == "zsh" else "vpnprofile." + shell)
        path.write_text(run("--print-completion", shell)[1], encoding="utf-8")
        return path

    def bash(self, *words):
        line = " ".join(f"'{w}'" for w in words)
        done = subprocess.run(["bash", "-c", f"source {self.script('bash')}; COMP_WORDS=(vpnprofile {line}); COMP_CWORD={len(words)}; "
                               "_vpnprofile; printf '%s\\n' \"${COMPREPLY[@]}\""], stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.split()

    def test_bash(self):
        self.assertEqual(self.bash("li"), ["lint"])
        self.assertEqual(self.bash("lint", "--sel"), ["--select"])
        self.assertEqual(self.bash("lint", "--format", "s"), ["sarif"])
        self.assertEqual(self.bash("lint", "--platform", "ios,vi"), ["ios,visionos"])
        for words in (("prove", "--property"), ("prove", "-p"), ("report", "--property"), ("ci", "--prove")):
            self.assertEqual(self.bash(*words, "no-s"), ["no-shadow"], words)
            self.assertEqual(self.bash(*words, "no-leak,exc"), ["no-leak,excluded-only"], words)
            self.assertIn(str(SOURCE / "README.md"), self.bash(*words, str(SOURCE / "READ")))
        self.assertIn(str(SOURCE / "README.md"), self.bash("lint", str(SOURCE / "READ")))

    @unittest.skipUnless(shutil.which("fish"), "no fish here")
    def test_fish(self):
        done = subprocess.run(["fish", "--no-config", "-c", f"source {self.script('fish')}; complete -C 'vpnprofile lint --form'"],
                              stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "HOME": "/nonexistent"})
        self.assertTrue(done.stdout.startswith("--format"), done.stdout)
        done = subprocess.run(["fish", "--no-config", "-c", f"source {self.script('fish')}; complete -C 'vpnprofile prove --property no-sh'"],
                              stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "HOME": "/nonexistent"})
        self.assertTrue(done.stdout.startswith("no-shadow"), done.stdout)

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh(self):
        script = self.script("zsh")
        self.assertTrue(script.read_text(encoding="utf-8").startswith("#compdef vpnprofile\n"))
        subprocess.run(["zsh", "-n", script], check=True)


class ManPage(unittest.TestCase):
    @unittest.skipUnless(shutil.which("groff"), "no groff here")
    def test_has_no_faults(self):
        page = run("--print-man")[1]
        done = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-z"], input=page.encode(), stderr=subprocess.PIPE, check=True)
        self.assertEqual(done.stderr, b"")
        for command in commands():
            self.assertIn(f".SS vpnprofile {command}", page)


if __name__ == "__main__":
    unittest.main()
