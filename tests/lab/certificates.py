"""A small certificate authority, by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

CA_NAME = "Lab VPN CA"


@dataclass(frozen=True)
class Identity:
    name: str
    certificate: Path
    key: Path
    pkcs12: Path  # with the password "lab"


class Authority:
    def __init__(self, folder):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj",
                      f"/O=Example/CN={CA_NAME}", "-keyout", self._key, "-out", self.certificate)

    def issue(self, name, address=None, rsa=False):
        """A certificate for a host name, and an address."""
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        identity = Identity(name, self._folder / f"{name}.pem", self._folder / f"{name}.key", self._folder / f"{name}.p12")
        extensions.write_text(f"subjectAltName=DNS:{name}{f',IP:{address}' if address else ''}\nkeyUsage=digitalSignature,keyAgreement\nextendedKeyUsage=serverAuth,clientAuth\n")
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self._openssl("req", "-newkey", *kind, "-nodes", "-subj", f"/O=Example/CN={name}",
                      "-keyout", identity.key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-days", "3650",
                      "-extfile", extensions, "-out", identity.certificate)
        self._openssl("pkcs12", "-export", "-inkey", identity.key, "-in", identity.certificate, "-passout", "pass:lab", "-out", identity.pkcs12)
        return identity

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")
