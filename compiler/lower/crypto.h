// Signing a policy, sealing its secrets. Internal to compiler/lower/.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "compiler/model/secret.h"
#include "policy/file_header.h"
#include "policy/result.h"

namespace vpn::lower {

/// Signs the header with the Ed25519 key in a PEM file: sets is_signed, the key's id and the signature.
Result<void> sign(policy::FileHeader& header, const std::string& key_path);

/// Errors of the files that sign() and seal() would read.
Result<void> check_signing_key(const std::string& key_path);
Result<void> check_certificate(const std::string& certificate_path);

/// CMS AuthEnvelopedData (RFC 5083, AES-256-GCM) for the certificate in a PEM or DER file, as DER.
Result<std::vector<std::byte>> seal(const model::Secret& text, const std::string& certificate_path);

/// All secrets as one JSON text: {"format": 1, "policy": "<SHA-256>", "secrets": ["<base64>", …]}; `policy` only where
/// the digest is given.
model::Secret secrets_json(const std::vector<model::Secret>& secrets, const policy::Digest* policy);

}  // namespace vpn::lower
