// VP17xx: what the platforms, versions and supervision asked for do not have.
#include "compiler/lint/availability.h"
#include "compiler/lint/lookup.h"
#include "compiler/lint/walk.h"

namespace vpn::lint {
namespace {

using policy::Platform;

std::string_view name_of(Platform platform) {
  switch (platform) {
    case Platform::ios:
      return "iOS";
    case Platform::macos:
      return "macOS";
    case Platform::visionos:
      return "visionOS";
    case Platform::tvos:
      return "tvOS";
    case Platform::watchos:
      return "watchOS";
    case Platform::linux:
      break;
  }
  return "Linux";
}

std::string on(Lack lack, Platform platform, const schema::Availability& a) {
  const std::string name(name_of(platform));
  switch (lack) {
    case Lack::later:
      return name + " " + a.since.to_string();
    case Lack::removed:
      return name + " " + a.removed.to_string();
    case Lack::deprecated:
      return name + " " + a.deprecated.to_string();
    default:
      return name;
  }
}

struct Wording {
  Code code;
  std::string_view text;
};

Wording wording(Lack lack) {
  switch (lack) {
    case Lack::never:
      return {Code::not_on_platform, " is not available on "};
    case Lack::later:
      return {Code::needs_later_version, " is not available before "};
    case Lack::removed:
      return {Code::removed_from_platform, " is no longer there since "};
    case Lack::unsupervised:
      return {Code::needs_supervision, " needs a supervised device on "};
    case Lack::deprecated:
      break;
  }
  return {Code::deprecated_key, " is deprecated since "};
}

}  // namespace

std::optional<Lack> lack_of(const schema::Availability& availability, const Options& options) {
  const auto reached = [&](const schema::Version& version) {
    return !options.os_version || *options.os_version >= version;
  };
  if (!availability.available) return Lack::never;
  if (availability.has_since && !reached(availability.since)) return Lack::later;
  if (availability.has_removed && reached(availability.removed)) return Lack::removed;
  if (availability.supervised && options.supervised == false) return Lack::unsupervised;
  if (availability.has_deprecated && reached(availability.deprecated)) return Lack::deprecated;
  return std::nullopt;
}

unsigned Walker::availability(std::span<const schema::Availability> platforms, const Lacking& at) {
  std::array<std::string, lack_count> names;
  unsigned lacking = 0;
  for (const Platform platform : context_.options.platforms) {
    const auto index = static_cast<std::size_t>(platform);
    if (index >= platforms.size() || (unavailable_ >> index & 1u) != 0) continue;
    const auto lack = lack_of(platforms[index], context_.options);
    if (!lack) continue;
    if (*lack != Lack::deprecated) lacking |= 1u << index;
    std::string& list = names[static_cast<std::size_t>(*lack)];
    list += (list.empty() ? "" : ", ") + on(*lack, platform, platforms[index]);
  }
  for (std::size_t i = 0; i < lack_count; ++i) {
    if (names[i].empty()) continue;
    const auto [code, text] = wording(static_cast<Lack>(i));
    Finding& f = context_.report(code, at.span, at.what + std::string(text) + names[i], at.parent, at.name);
    if (code == Code::needs_supervision && at.refused) f.severity = Severity::error;
    if (code == Code::deprecated_key && !at.instead.empty()) f.help = "use " + std::string(at.instead) + " instead";
  }
  return lacking;
}

}  // namespace vpn::lint
