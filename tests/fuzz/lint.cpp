// Lint as a whole: any bytes, every check; findings and fixes stay within the text.
#include "compiler/lint/lint.h"

#include "tests/fuzz/reading.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn;
  findings::Sink sink;
  const auto document = fuzz::read_document(data, size, {}, sink);
  if (document == nullptr) return 0;
  lint::Options options;
  options.platforms = {policy::Platform::ios, policy::Platform::macos, policy::Platform::linux};
  options.supervised = false;
  options.now = 1'750'000'000;
  const document::Document* const documents[] = {document.get()};
  lint::lint(documents, options, sink);
  sink.sort();
  fuzz::check_findings(sink);
  return 0;
}
