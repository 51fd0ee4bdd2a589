#include "compiler/lint/formats.h"

#include <algorithm>

#include "compiler/lint/domain_list.h"
#include "compiler/lint/lookup.h"
#include "policy/address.h"
#include "policy/ascii.h"
#include "policy/domain_table.h"

namespace vpn::lint {
namespace {

using schema::Format;

constexpr std::size_t uuid_length = 36;

bool has_white(std::string_view text) { return std::any_of(text.begin(), text.end(), ascii::is_space); }

/// Names of apps: letters, digits, hyphens, underscores and dots between them.
bool is_bundle_identifier(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return ascii::is_letter(c) || ascii::is_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

bool is_object_identifier(std::string_view text) {
  return text.size() >= 3 && ascii::is_digit(text.front()) && ascii::is_digit(text.back()) &&
         text.find('.') != std::string_view::npos && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return ascii::is_digit(c) || c == '.'; });
}

bool is_email(std::string_view text) {
  const auto at = text.rfind('@');
  return at != std::string_view::npos && at != 0 && at + 1 < text.size() && !has_white(text);
}

bool is_base64(std::string_view text) {
  std::size_t digits = 0, padding = 0;
  for (const char c : text) {
    if (ascii::is_space(c)) continue;
    if (c == '=') {
      ++padding;
    } else if (padding != 0 || !(ascii::is_letter(c) || ascii::is_digit(c) || c == '+' || c == '/')) {
      return false;
    } else {
      ++digits;
    }
  }
  return padding <= 2 && (digits + padding) % 4 == 0;
}

/// "17.*", "fe80::*": an address in which one '*' stands for any text.
bool is_address_pattern(std::string_view text) {
  const auto star = text.find('*');
  if (star == std::string_view::npos) return policy::Address::parse(text).has_value();
  return text.find('*', star + 1) == std::string_view::npos && std::all_of(text.begin(), text.end(), [](char c) {
           return ascii::is_hexadecimal(c) || c == '.' || c == ':' || c == '*';
         });
}

std::string address_help(std::string_view text) {
  if (text.find('/') != std::string_view::npos && policy::Prefix::parse(text))
    return "a prefix is not understood here; write the address itself";
  if (text.find(':') != std::string_view::npos && text.find('.') != std::string_view::npos)
    return "write the address alone, without a port";
  return "write an IPv4 or IPv6 address";
}

struct Judgement {
  Code code{};
  std::string message;
  std::string help;
  std::optional<Severity> severity;
};

std::optional<Judgement> judge_host(std::string_view text) {
  std::string fault = host_fault(text);
  if (fault.empty()) return std::nullopt;
  return Judgement{
      Code::invalid_host, std::move(fault), "write a host name or an address, without scheme, port and path", {}};
}

std::optional<Judgement> judge_address(std::string_view text) {
  if (policy::Address::parse(text)) return std::nullopt;
  return Judgement{Code::invalid_address, quoted(text) + " is no IP address", address_help(text), Severity::error};
}

std::optional<Judgement> judge_address_pattern(std::string_view text) {
  if (is_address_pattern(text)) return std::nullopt;
  Judgement j{Code::invalid_address, quoted(text) + " matches no address", address_help(text), {}};
  if (text.find('/') != std::string_view::npos) j.help = "a prefix is not understood here; one '*' is, as in 10.0.*";
  return j;
}

/// A URL may hold a password.
std::string shown_url(std::string_view text) {
  return text.find('@') == std::string_view::npos ? quoted(text) : "the URL";
}

std::optional<Judgement> judge_url(std::string_view text, Format format) {
  const Url url = parse_url(text);
  if (!url.valid) {
    Judgement j{Code::invalid_url,
                shown_url(text) + " is no URL",
                "write scheme, host and path: https://host.example.com/path",
                {}};
    if (format == Format::https_url) j.severity = Severity::error;
    return j;
  }
  const bool https = ascii::equal_without_case(url.scheme, "https");
  const bool http = ascii::equal_without_case(url.scheme, "http");
  if (format == Format::https_url && !https)
    return Judgement{Code::invalid_url, shown_url(text) + " must begin with https://", {}, Severity::error};
  if (format == Format::probe_url && !https && !http)
    return Judgement{Code::invalid_url, shown_url(text) + " cannot be probed; only HTTP and HTTPS can", {}, {}};
  if (format == Format::probe_url && http)
    return Judgement{Code::http_probe,
                     "the probe " + shown_url(text) + " is not encrypted, so anybody on the network can answer it",
                     "probe an https:// URL",
                     {}};
  return std::nullopt;
}

std::optional<Judgement> judge(std::string_view text, const schema::Key& key) {
  const auto bad = [&](std::string_view what) {
    return Judgement{Code::invalid_format, quoted(text) + " is no " + std::string(what), {}, {}};
  };
  switch (key.format) {
    case Format::host:
      return judge_host(text);
    case Format::address:
      return judge_address(text);
    case Format::address_wildcard:
      return judge_address_pattern(text);
    case Format::url:
    case Format::https_url:
    case Format::probe_url:
      return judge_url(text, key.format);
    case Format::bundle_id:
      if (!is_bundle_identifier(text)) return bad("bundle identifier");
      break;
    case Format::reverse_dns:
      if (!is_bundle_identifier(text)) return bad("name in reverse-DNS form");
      break;
    case Format::cidr:
      if (!policy::Prefix::parse(text)) return bad("address prefix");
      break;
    case Format::email:
      if (!is_email(text)) return bad("e-mail address");
      break;
    case Format::oid:
      if (!is_object_identifier(text)) return bad("object identifier");
      break;
    case Format::base64_secret:
      if (!is_base64(text)) return Judgement{Code::invalid_format, "the text is not Base64", {}, {}};
      break;
    default:
      break;
  }
  return std::nullopt;
}

}  // namespace

bool is_uuid(std::string_view text) {
  if (text.size() != uuid_length) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? text[i] != '-' : !ascii::is_hexadecimal(text[i])) return false;
  }
  return true;
}

std::string_view uuid_within(std::string_view text) {
  std::string_view found;
  for (std::size_t i = 0; i + uuid_length <= text.size(); ++i) {
    if (!is_uuid(text.substr(i, uuid_length))) continue;
    const bool cut_before = i != 0 && ascii::is_hexadecimal(text[i - 1]);
    const bool cut_behind = i + uuid_length < text.size() && ascii::is_hexadecimal(text[i + uuid_length]);
    if (cut_before || cut_behind || !found.empty()) return {};
    found = text.substr(i, uuid_length);
    i += uuid_length - 1;
  }
  return found;
}

std::string host_fault(std::string_view text) {
  if (text.empty()) return "the host is empty";
  if (policy::Address::parse(text)) return {};
  if (text.front() == '[' && text.back() == ']' && policy::Address::parse(text.substr(1, text.size() - 2))) return {};
  const std::string what = quoted(text);
  if (has_white(text)) return what + " has white space in it";
  if (text.find("://") != std::string_view::npos) return what + " is a URL, not a host";
  if (text.find('/') != std::string_view::npos) return what + " has a path or prefix behind the host";
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && colon + 1 < text.size() &&
      std::all_of(text.begin() + static_cast<std::ptrdiff_t>(colon) + 1, text.end(), ascii::is_digit))
    return what + " has a port behind the host";
  std::string storage;
  std::string_view normalised;
  if (policy::normalise_name(text, storage, normalised) != policy::NameFault::none) return what + " is no host name";
  if (ascii::is_digit(text.back()) &&
      std::all_of(text.begin(), text.end(), [](char c) { return ascii::is_digit(c) || c == '.'; }))
    return what + " is no IP address";
  return {};
}

Url parse_url(std::string_view text) {
  Url url;
  const auto colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0 || !ascii::is_letter(text.front()) || has_white(text)) return url;
  url.scheme = text.substr(0, colon);
  for (const char c : url.scheme)
    if (!ascii::is_letter(c) && !ascii::is_digit(c) && c != '+' && c != '-' && c != '.') return url;
  std::string_view authority = text.substr(colon + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  if (!authority.empty() && authority.front() == '[') {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return url;
    url.host = authority.substr(0, end + 1);
  } else {
    url.host = authority.substr(0, authority.find(':'));
  }
  url.valid = host_fault(url.host).empty();
  return url;
}

void check_format(Context& context, const Value& value, const schema::Key& key, const Path* parent,
                  std::string_view name) {
  const std::string_view text = value.string();
  const std::string_view key_name = name.empty() ? key.name : name;
  if (key.format == Format::domain || key.format == Format::domain_wildcard || key.format == Format::domain_or_empty)
    return check_domain(context, value, key, parent, name);
  if (text.empty() && key.format != Format::base64_secret) {
    // An empty server address is judged with the VPN that it belongs to.
    if (key.format == Format::host && (key_name == "RemoteAddress" || key_name == "HostName")) return;
    context.report(Code::empty_value, value.span,
                   key_name.empty() ? "the entry is empty" : quoted(key_name) + " is empty", parent, name);
    return;
  }
  // The form of UUIDs is judged with the profile's structure.
  if (key.format == Format::non_empty || key.format == Format::uuid) return;
  auto judgement = judge(text, key);
  if (!judgement) return;
  Finding& f = context.report(judgement->code, value.span, std::move(judgement->message), parent, name);
  f.help = std::move(judgement->help);
  if (judgement->severity) f.severity = *judgement->severity;
}

}  // namespace vpn::lint
