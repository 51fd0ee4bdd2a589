"""vpnprofile lsp under the client library of VS Code. `./dev test` installs it; exit 77 says that it is not there."""
import os
import shutil
import subprocess
import sys

from program import SOURCE

FOLDER = SOURCE / "tests/cli/lsp"

if __name__ == "__main__":
    if shutil.which("node") is None or not (FOLDER / "node_modules/vscode-languageserver-protocol").exists():
        print(f"skipped: the packages of {FOLDER}/package.json are not installed")
        sys.exit(77)
    done = subprocess.run(["node", "--test", "client.cjs"], cwd=FOLDER, env=os.environ, timeout=240, check=False)
    sys.exit(done.returncode)
