#include "reading.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vpn::document::ReadOptions options;
  options.now = 1'900'000'000;
  vpn::fuzz::read(data, size, options);
  return 0;
}
