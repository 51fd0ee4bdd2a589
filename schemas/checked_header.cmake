# cmake -DIN=… -DOUT=… -P checked_header.cmake: the schema's C++ once more, for a verifier that counts what it visits
# (policy/bounded_verifier.h) and in a namespace of its own, so that no type has two definitions.
file(READ ${IN} text)
string(REPLACE "namespace fb {" "namespace checked {" text "${text}")
string(REPLACE "}  // namespace fb" "}  // namespace checked" text "${text}")
string(REPLACE "vpn::policy::fb::" "vpn::policy::checked::" text "${text}")
string(REPLACE "flatbuffers::Verifier &" "vpn::policy::BoundedVerifier &" text "${text}")
string(REPLACE "FLATBUFFERS_GENERATED_POLICY_VPN_POLICY_FB_H_" "FLATBUFFERS_GENERATED_POLICY_VPN_POLICY_CHECKED_H_" text "${text}")
string(REPLACE "#include \"flatbuffers/flatbuffers.h\"" "#include \"flatbuffers/flatbuffers.h\"\n#include \"policy/bounded_verifier.h\"" text "${text}")
file(WRITE ${OUT} "${text}")
