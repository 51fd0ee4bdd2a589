// Encrypted content of a profile. Internal to compiler/document.
#pragma once

#include "compiler/document/openssl.h"
#include "compiler/document/reader.h"

namespace vpn::document {

/// Decrypts an EnvelopedData with the key of ReadOptions::decrypt_key. False: a finding says why.
bool decrypt(Context& context, CMS_ContentInfo* cms, BIO* out, Span place);

/// Decrypts EncryptedPayloadContent of a profile and puts its payloads in the place of PayloadContent; without a key,
/// notes that they cannot be judged. `root` is a dictionary; it is returned as it was when there is nothing to open.
Value open_encrypted_content(Context& context, const Value& root);

}  // namespace vpn::document
