// From bytes to a policy: what lint lets through must compile to a file that its own reader accepts and decide() can
// use.
#include "compiler/lint/lint.h"
#include "compiler/lower/lower.h"
#include "compiler/model/build.h"
#include "policy/decide.h"
#include "policy/json/json.h"
#include "tests/fuzz/reading.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn;
  findings::Sink sink;
  const auto document = fuzz::read_document(data, size, {}, sink);
  if (!document) return 0;
  const document::Document* const documents[] = {document.get()};
  lint::lint(documents, {}, sink);
  const model::Model model = model::build(documents, {});  // never crashes, also on what lint refuses
  if (sink.has_errors()) return 0;
  auto output = lower::lower(model, {});
  if (!output) return 0;
  const auto policy = policy::Policy::from_bytes(std::move(output->policy));
  fuzz::require(policy.has_value());
  const policy::Situation situation(*policy, policy::DeviceState{});
  policy::Flow flow;
  flow.protocol = 6;
  flow.remote = policy::Address::from_v4(0xcb007150);
  flow.remote_port = 443;
  fuzz::require(!policy::verdict_json(*policy, policy::decide(situation, flow)).empty());
  return 0;
}
