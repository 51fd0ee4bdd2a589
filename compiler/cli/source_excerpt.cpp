#include "compiler/cli/source_excerpt.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "compiler/cli/secret_keys.h"
#include "compiler/cli/surroundings.h"
#include "compiler/document/source.h"
#include "compiler/format/excerpt.h"
#include "compiler/format/secrets.h"
#include "policy_generated.h"

namespace vpn::cli {
namespace {

constexpr std::size_t largest_profile = std::size_t{64} << 20;

/// The last key of a key path; empty where the path ends in an index.
std::string_view last_key(std::string_view path) {
  if (path.ends_with(']')) return {};
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

/// Offset of a line and column in the text, if there is such a place.
std::optional<std::uint32_t> offset_of(const document::Source& source, std::uint32_t line, std::uint32_t column) {
  if (line == 0 || line > source.line_count()) return std::nullopt;
  const std::string_view text = source.line(line);
  std::size_t at = 0;
  for (std::uint32_t c = 1; c < column && at < text.size(); ++c) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  }
  if (at >= text.size()) return std::nullopt;
  return static_cast<std::uint32_t>(static_cast<std::size_t>(text.data() - source.text().data()) + at);
}

/// What to underline: the key that the path ends with, or the opening of an element without a key.
std::optional<document::Span> span_at(const document::Source& source, std::uint32_t offset, std::string_view path) {
  std::string_view rest = source.text().substr(offset);
  const std::string_view key = last_key(path);
  if (rest.starts_with('"') && rest.substr(1).starts_with(key) && !key.empty())
    return document::Span{offset, offset + static_cast<std::uint32_t>(key.size()) + 2};
  if (!key.empty() && rest.starts_with(key))
    return document::Span{offset, offset + static_cast<std::uint32_t>(key.size())};
  if (!key.empty()) return std::nullopt;
  for (const std::string_view element : {"<dict>", "<string>", "<array>"})
    if (rest.starts_with(element)) return document::Span{offset, offset + static_cast<std::uint32_t>(element.size())};
  if (rest.starts_with('{') || rest.starts_with('[') || rest.starts_with('"'))
    return document::Span{offset, offset + 1};
  return std::nullopt;
}

bool is_newer(const struct stat& a, const struct stat& b) {
  return std::pair(a.st_mtim.tv_sec, a.st_mtim.tv_nsec) > std::pair(b.st_mtim.tv_sec, b.st_mtim.tv_nsec);
}

/// A regular file only, for nothing here may wait for somebody to write; and none that is newer than its policy.
std::unique_ptr<document::Source> read_profile(const std::string& path, const std::string& policy_path) {
  struct stat info {};
  struct stat policy {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return nullptr;
  if (!policy_path.empty() && ::stat(policy_path.c_str(), &policy) == 0 && is_newer(info, policy)) return nullptr;
  auto source = document::Source::read(path, largest_profile);
  return source ? std::move(*source) : nullptr;
}

/// Where the profile may be: as it was named, or beside the policy.
std::vector<std::string> places_of(const std::string& name, const std::string& policy_path) {
  return {name, (std::filesystem::path(policy_path).parent_path() / std::filesystem::path(name).filename()).string()};
}

}  // namespace

std::vector<std::string> excerpt_files(const policy::Policy& policy, const std::string& policy_path) {
  std::vector<std::string> out;
  const auto* files = policy.body().files();
  for (std::uint32_t i = 0; files != nullptr && i < files->size(); ++i)
    for (std::string& path : places_of(files->Get(i)->str(), policy_path)) out.push_back(std::move(path));
  return out;
}

std::string source_excerpt(const policy::Policy& policy, std::uint32_t source, const std::string& policy_path,
                           bool color, unsigned width) {
  const auto* sources = policy.body().sources();
  if (source == policy::none || sources == nullptr || source >= sources->size()) return {};
  const policy::fb::Source* s = sources->Get(source);
  std::unique_ptr<document::Source> profile;
  for (const std::string& path : places_of(policy.body().files()->Get(s->file())->str(), policy_path))
    if (profile == nullptr) profile = read_profile(path, policy_path);
  if (profile == nullptr) return {};
  const auto offset = offset_of(*profile, s->line(), s->column());
  const auto span = offset ? span_at(*profile, *offset, s->path()->string_view()) : std::nullopt;
  if (!span) return {};
  const auto keys = secret_keys();
  const auto secrets = format::secret_spans(profile->text(), keys);
  const format::Place place{profile->position(span->begin), profile->position(span->end)};
  if (width == 0) width = report_options(STDOUT_FILENO, {}).width;
  const format::ExcerptStyle style = color ? format::ExcerptStyle{"\x1b[34m", "\x1b[1;36m", "\x1b[0m", width, '^'}
                                           : format::ExcerptStyle{{}, {}, {}, width, '^'};
  return format::excerpt(*profile, *span, place, secrets, style);
}

}  // namespace vpn::cli
