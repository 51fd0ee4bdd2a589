// Certificates and private keys from files, as the user names them. Internal to compiler/document.
#pragma once

#include <string>
#include <vector>

#include "compiler/document/openssl.h"
#include "policy/result.h"

namespace vpn::document {

/// All certificates of the files, each PEM (one or more) or DER.
Result<Certificates> read_certificates(const std::vector<std::string>& paths);

struct Identity {
  PrivateKey key;
  Certificate certificate;  ///< null unless the file has one (PKCS#12)
};

/// A private key without password: PEM, DER or PKCS#12.
Result<Identity> read_identity(const std::string& path);

}  // namespace vpn::document
