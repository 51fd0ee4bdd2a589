#include "policy/app_map/app_map.h"

#include "compiler/document/source.h"
#include "compiler/model/build.h"

namespace vpn::model {

Result<std::vector<MappedApp>> read_app_map(const std::string& path) {
  auto source = document::Source::read(path, std::size_t{64} << 20);
  if (!source) return tl::unexpected(source.error());
  return policy::parse_app_map(path, (*source)->text());
}

}  // namespace vpn::model
