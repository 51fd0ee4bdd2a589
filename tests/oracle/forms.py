"""One random configuration as payloads of a profile and as declarations: both must give the same policy but for provenance."""

import generate_policy
import payloads

SECRET_ASSET, ACCOUNT_ASSET = "com.example.asset.secret", "com.example.asset.account"
IKE_OPTIONS = (  # (payload's key, declaration's path, values)
    ("EnablePFS", ("EnablePFS",), (False, True)),
    ("NATKeepAliveOffloadEnable", ("EnableNATKeepAliveOffload",), (False, True)),
    ("EnforceStrictAlgorithmSelection", ("EnforceStrictAlgorithmSelection",), (False, True)),
    ("DeadPeerDetectionRate", ("Idle", "DeadPeerDetectionRate"), ("None", "Low", "Medium", "High")),
    ("TLSMinimumVersion", ("Authentication", "ExtendedAuth", "TLSMinimumVersion"), ("1.1", "1.2")),
)


def asset(identifier, **keys):
    return {"Type": "com.apple.asset.credential.userpassword", "Identifier": identifier, "ServerToken": "1", "Payload": keys}


def put(tree, path, value):
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
    tree[path[-1]] = value


class Forms:
    def __init__(self, rng):
        self.rng = rng
        self.generator = generate_policy.PolicyGenerator(rng)

    def chance(self, probability):
        return self.rng.random() < probability

    def on_demand(self, block, declared):
        if self.chance(0.5):
            return
        enabled, rules = self.chance(0.8), self.generator.rules()
        block.update(OnDemandEnabled=self.generator.flag(enabled), OnDemandRules=rules)
        declared["OnDemand"] = {"Enabled": enabled, "Rules": rules}

    def routing(self, block, declared):
        flags = self.generator.flags(generate_policy.ROUTING, plain=True)
        block.update({key: self.generator.flag(on) for key, on in flags.items()})
        declared["NetworkRouting"] = flags

    def security(self, cipher):
        return {"EncryptionAlgorithm": cipher, "IntegrityAlgorithm": "SHA2-256",
                "DiffieHellmanGroup": self.rng.choice((14, 19, 20, 31)), "LifeTimeInMinutes": self.rng.randint(10, 1440)}

    def ike(self):
        """(keys of an IKEv2 dictionary, keys of a declaration)."""
        server = self.rng.choice(generate_policy.SERVERS)
        names = {"LocalIdentifier": "device.example.com", "RemoteIdentifier": "vpn.example.com"}
        cipher = self.rng.choice(("AES-128", "AES-256", "AES-256-GCM", "ChaCha20Poly1305"))  # strict selection wants one for both
        associations = {"IKESecurityAssociationParameters": self.security(cipher), "ChildSecurityAssociationParameters": self.security(cipher)}
        block = {"RemoteAddress": server, "AuthenticationMethod": "SharedSecret", "SharedSecret": payloads.SECRET, **names, **associations}
        declared = {"HostName": server, "Authentication": {"Method": "SharedSecret", "CredentialsAssetReference": SECRET_ASSET}, **names, **associations}
        if self.chance(0.5):
            block.update(ExtendedAuthEnabled=1, AuthName="jo", AuthPassword=payloads.SECRET)
            put(declared, ("Authentication", "ExtendedAuth"), {"Enabled": True, "CredentialsAssetReference": ACCOUNT_ASSET})
        for key, path, values in IKE_OPTIONS:
            if self.chance(0.4) and (path[1:2] != ("ExtendedAuth",) or "ExtendedAuthEnabled" in block):
                block[key] = value = self.rng.choice(values)
                put(declared, path, value)
        return block, declared

    def ikev2(self, number):
        block, declared = self.ike()
        self.on_demand(block, declared)
        self.routing(block, declared)
        return payloads.vpn(number, "IKEv2", **block), ("ikev2", declared)

    def plugin(self, number):
        server, proxy = self.rng.choice(generate_policy.SERVERS), self.rng.choice(("packet-tunnel", "app-proxy"))
        block = {"RemoteAddress": server, "AuthName": "jo", "AuthPassword": payloads.SECRET, "ProviderType": proxy}
        declared = {"HostName": server, "SubType": "com.example.client", "Provider": {"Type": proxy, "ComposedIdentifier": "com.example.client.tunnel"},
                    "Authentication": {"Method": "Password", "CredentialsAssetReference": ACCOUNT_ASSET}}
        self.on_demand(block, declared)
        self.routing(block, declared)
        return payloads.vpn(number, "VPN", **block), ("vpn-plugin", declared)

    def ipsec(self, number):
        server, override = self.rng.choice(generate_policy.SERVERS), self.chance(0.5)
        block = {"RemoteAddress": server}
        declared = {"HostName": server, "OverridePrimary": override,
                    "Authentication": {"Method": "SharedSecret", "LocalIdentifier": "group", "LocalIdentifierType": "KeyID", "CredentialsAssetReference": SECRET_ASSET}}
        self.on_demand(block, declared)
        outer = {"payload_IPv4": {"OverridePrimary": int(override)}}
        return payloads.vpn(number, "IPSec", **block, **outer), ("ipsec", declared)

    def always_on(self, number):
        shared, tunnels, declared = self.generator.exceptions(plain=True), [], []
        for _ in range(self.rng.randint(1, 2)):
            block, keys = self.ike()
            common = {"ProtocolType": "IKEv2", **self.generator.interfaces()}
            tunnels.append({**common, **block})
            declared.append({**common, "IKEV2": keys})
        made = payloads.always_on(number)
        made["AlwaysOn"] = {**shared, "TunnelConfigurations": tunnels}
        return made, ("always-on", {**shared, "TunnelConfigurations": declared})

    def generate(self):
        made, declared = [], []
        kinds = [self.rng.choice((self.ikev2, self.ikev2, self.plugin, self.ipsec)) for _ in range(self.rng.randint(1, 3))]
        for kind in kinds + ([self.always_on] if self.chance(0.3) else []):
            number = self.generator.next_number()
            payload, (name, keys) = kind(number)
            made.append(payload)
            # The payload's own name, so that states and verdicts name the same tunnel.
            declaration = payloads.declaration(name, payload["PayloadUUID"], **keys)
            declaration["Payload"]["VisibleName"] = payload["UserDefinedName"]
            declared.append(declaration)
        declared += [asset(SECRET_ASSET, Password=payloads.SECRET), asset(ACCOUNT_ASSET, UserName="jo", Password=payloads.SECRET)]
        world = {"app_map": self.generator.app_map([]), "platform": self.rng.choice(generate_policy.PLATFORMS)}
        return {"payloads": {**world, "documents": [payloads.profile(*made)]}, "declarations": {**world, "documents": declared}}


def comparable(tree):
    """Without what differs by design: assets are identities of their own, and secrets are numbered as they are met."""
    def walk(value):
        if isinstance(value, dict):
            return {k: "secret" if k != "secrets" and isinstance(v, dict) and set(v) == {"secret"} else walk(v) for k, v in value.items()}
        return [walk(v) for v in value] if isinstance(value, list) else value

    return {key: walk(value) for key, value in tree.items() if key not in ("identities", "secrets")}
