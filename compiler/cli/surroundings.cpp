#include "compiler/cli/surroundings.h"

#include <sys/ioctl.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "console/command.h"

namespace vpn::cli {
namespace {

unsigned columns(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col < 40) return 120;
  return size.ws_col;
}

}  // namespace

std::int64_t present() {
  const char* fixed = std::getenv("SOURCE_DATE_EPOCH");
  if (fixed == nullptr || *fixed == 0) return static_cast<std::int64_t>(std::time(nullptr));
  return std::strtoll(fixed, nullptr, 10);
}

format::Options report_options(int descriptor, std::vector<std::string_view> secret_keys) {
  format::Options how;
  std::error_code error;
  how.base = std::filesystem::current_path(error).string();
  how.color = use_color(descriptor);
  how.width = columns(descriptor) - 8;  // line numbers stand in the rest
  how.version = VPN_VERSION;
  how.secret_keys = std::move(secret_keys);
  return how;
}

}  // namespace vpn::cli
