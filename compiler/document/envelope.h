// CMS around a profile: signatures, encryption. Internal to compiler/document.
#pragma once

#include <string_view>

#include "compiler/document/reader.h"

namespace vpn::document {

enum class Wrapping : unsigned char { none, der, pem, smime };

/// Whether the bytes are an envelope, by their first ones. DER stands for BER too.
Wrapping wrapping_of(std::string_view bytes);

/// Opens the envelope that the source's text is, and puts its content in the place of that text. False: a finding says
/// why.
bool open_envelope(Context& context, Wrapping wrapping);

}  // namespace vpn::document
