"""Certificates and profiles of the tests: those of profiles/, with an identity that can be used at once."""

import plistlib
import subprocess
import uuid
from pathlib import Path

PASSWORD = "container-password"
SHARED_SECRET = "a shared secret of some length"
USER, USER_PASSWORD = "alice=admin@example.com", "correct horse"
SERVER_NAME, DEVICE_NAME = "vpn.example.com", "device-0001.example.com"


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    def __init__(self, folder, name="Example Corporation VPN CA", existing=None):
        """Made anew, or (existing) the one of that folder."""
        self.folder, self.name = folder, name
        self.key, self.certificate = ((existing or folder) / f"{name}.{end}" for end in ("key", "pem"))
        if existing:
            return
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                "-keyout", self.key, "-out", self.certificate, "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, rsa=False):
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]
        openssl("req", "-newkey", *kind, "-nodes", "-subj", f"/O=Example Corporation/CN={name}", "-keyout", key, "-out", request)
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "30",
                "-extfile", extensions, "-out", certificate)
        return key, certificate

    def container(self, name, legacy=False, rsa=False):
        key, certificate = self.issue(name, rsa)
        out = self.folder / f"{name}.p12"
        openssl("pkcs12", "-export", "-inkey", key, "-in", certificate, "-certfile", self.certificate, "-out", out,
                "-passout", f"pass:{PASSWORD}", *(["-legacy"] if legacy else []))
        return out.read_bytes()

    def der(self):
        out = self.folder / f"{self.name}.der"
        openssl("x509", "-in", self.certificate, "-outform", "DER", "-out", out)
        return out.read_bytes()


def payload(kind, **content):
    return {"PayloadType": kind, "PayloadVersion": 1, "PayloadIdentifier": f"com.example.it.ike.{kind.rsplit('.', 1)[-1]}",
            "PayloadUUID": str(uuid.uuid4()).upper(), **content}


class Profile:
    """A profile of profiles/ with other credentials."""

    def __init__(self, source):
        self.content = plistlib.loads(Path(source).read_bytes())
        self.vpn = next(p for p in self.content["PayloadContent"] if p["PayloadType"] == "com.apple.vpn.managed")
        if "IKEv2" in self.vpn:
            self.ike = self.vpn["IKEv2"]
        else:
            tunnels = self.vpn["AlwaysOn"]["TunnelConfigurations"]
            del tunnels[1:]
            self.ike = tunnels[0]
        self.ike.update(RemoteAddress=SERVER_NAME, RemoteIdentifier=SERVER_NAME, EnableCertificateRevocationCheck=0)
        self.content["PayloadContent"] = [self.vpn]

    def trust(self, authority):
        self.content["PayloadContent"].insert(0, payload("com.apple.security.root", PayloadContent=authority.der()))
        return self

    def identity(self, container, kind="ECDSA384"):
        self.content["PayloadContent"].insert(0, payload("com.apple.security.pkcs12", PayloadContent=container, Password=PASSWORD))
        self.ike.update(PayloadCertificateUUID=self.content["PayloadContent"][0]["PayloadUUID"], CertificateType=kind)
        return self

    def without_identity(self, **keys):
        for key in ("PayloadCertificateUUID", "CertificateType", "ServerCertificateIssuerCommonName"):
            self.ike.pop(key, None)
        self.ike.update(keys)
        return self

    def compile(self, vpnprofile, folder):
        source, policy, secrets = folder / "test.mobileconfig", folder / "policy.vpnp", folder / "policy.secrets"
        source.write_bytes(plistlib.dumps(self.content))
        done = subprocess.run([vpnprofile, "compile", source, "-o", policy, "--secrets", secrets], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
        return policy, secrets
