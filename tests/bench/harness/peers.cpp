#include "tests/bench/harness/peers.h"

#include <plist/plist.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <pugixml.hpp>

#include "tests/bench/harness/timing.h"

namespace vpn::bench {

void libplist_xml(std::string_view text) {
  plist_t root = nullptr;
  plist_from_xml(text.data(), static_cast<std::uint32_t>(text.size()), &root);
  keep(root);
  plist_free(root);
}

void libplist_binary(std::string_view bytes) {
  plist_t root = nullptr;
  plist_from_bin(bytes.data(), static_cast<std::uint32_t>(bytes.size()), &root);
  keep(root);
  plist_free(root);
}

void pugixml_in_place(std::string& text) {
  pugi::xml_document document;
  keep(document.load_buffer_inplace(text.data(), text.size()).status);
}

std::string to_binary(std::string_view xml) {
  plist_t root = nullptr;
  plist_from_xml(xml.data(), static_cast<std::uint32_t>(xml.size()), &root);
  char* bytes = nullptr;
  std::uint32_t size = 0;
  plist_to_bin(root, &bytes, &size);
  std::string out(bytes, size);
  std::free(bytes);
  plist_free(root);
  return out;
}

double plistlib_microseconds(const std::string& path, unsigned repeat) {
  const std::string command =
      "python3 -c \"import plistlib,time\n"
      "d=open('" +
      path +
      "','rb').read()\n"
      "plistlib.loads(d)\n"
      "t=time.perf_counter()\n"
      "for _ in range(" +
      std::to_string(repeat) +
      "): plistlib.loads(d)\n"
      "print((time.perf_counter()-t)/" +
      std::to_string(repeat) + "*1e6)\" 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::array<char, 64> line{};
  // 0 where it says nothing, or no number.
  return pipe && std::fgets(line.data(), line.size(), pipe.get()) != nullptr ? std::strtod(line.data(), nullptr) : 0;
}

}  // namespace vpn::bench
