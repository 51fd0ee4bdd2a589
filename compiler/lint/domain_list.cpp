#include "compiler/lint/domain_list.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "compiler/lint/edits.h"
#include "compiler/lint/formats.h"
#include "compiler/lint/lookup.h"
#include "compiler/lint/suffix_filter.h"
#include "policy/address.h"
#include "policy/ascii.h"
#include "policy/domain_table.h"

namespace vpn::lint {
namespace {

using schema::Format;

struct Fault {
  Code code{};
  std::string message, help;
  std::string replacement;  ///< of the whole text; empty: none
};

bool all_digits_and_dots(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return ascii::is_digit(c) || c == '.'; });
}

/// Without capitals and a dot at the end; what else is in it stays.
std::string tidied(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  std::string out(text);
  for (char& c : out) c = ascii::lower(c);
  return out;
}

bool is_tidy(std::string_view text) {
  return text.empty() || (text.back() != '.' && std::none_of(text.begin(), text.end(), ascii::is_upper));
}

/// Why a text is no name that can match: the slow way, for the few that are wrong.
std::optional<Fault> explain(std::string_view text, bool wildcard_allowed) {
  const std::string what = quoted(text);
  if (text.empty()) return Fault{Code::invalid_domain, "an empty name matches nothing", "remove it", {}};
  if (const Url url = parse_url(text); url.valid)
    return Fault{Code::url_as_domain, what + " is a URL; only a host name can match", "write " + quoted(url.host), {}};
  if (text.find_first_of("/\\") != std::string_view::npos || text.find("://") != std::string_view::npos)
    return Fault{
        Code::url_as_domain, what + " has a path in it; only a host name can match", "write the host name alone", {}};
  if (policy::Address::parse(text))
    return Fault{Code::address_as_domain,
                 what + " is an address; names are compared here, never addresses",
                 "write the host name that is used",
                 {}};
  const bool below_only = text.starts_with("*.");
  const std::string_view base = below_only ? text.substr(2) : text;
  if (below_only && !wildcard_allowed)
    return Fault{Code::misplaced_wildcard, what + ": wildcards are not understood here", "write " + quoted(base), {}};
  if (base.find('*') != std::string_view::npos)
    return Fault{Code::misplaced_wildcard,
                 what + ": a wildcard matches only as the first label, as in *.example.com",
                 wildcard_allowed ? "write the names that are meant" : "write the name without a wildcard",
                 {}};
  if (base.starts_with('.'))
    return Fault{Code::leading_dot,
                 what + " begins with a dot and matches nothing",
                 "write " + quoted(base.substr(1)) + ", which holds for the names below it, too",
                 {}};
  std::string storage;
  std::string_view normalised;
  switch (policy::normalise_name(base, storage, normalised)) {
    case policy::NameFault::none:
      break;
    case policy::NameFault::empty:
      return Fault{Code::invalid_domain, what + " has no label", {}, {}};
    case policy::NameFault::too_long:
      return Fault{Code::invalid_domain, what + " is longer than 253 bytes", {}, {}};
    case policy::NameFault::bad_label:
      return Fault{Code::invalid_domain,
                   what + " has a label that is empty, longer than 63 bytes, or has a hyphen at its end",
                   {},
                   {}};
    case policy::NameFault::bad_character:
      return Fault{Code::invalid_domain,
                   what + " has a character that no host name has",
                   "letters, digits, hyphens and dots are allowed",
                   {}};
    case policy::NameFault::not_idna:
      return Fault{Code::invalid_domain, what + " is no international name (IDNA)", {}, {}};
  }
  if (all_digits_and_dots(base))
    return Fault{Code::address_as_domain,
                 what + " looks like an address; names are compared here, never addresses",
                 "write the host name that is used",
                 {}};
  if (is_tidy(base)) return std::nullopt;
  return Fault{
      Code::unnormalised_domain, what + " is compared in lower case and without a dot at the end", {}, tidied(text)};
}

/// Reports the first findings of a kind one by one, the rest as one.
class ListFindings {
 public:
  ListFindings(Context& context, const Section& section, const Member& member)
      : context_(context), section_(section), member_(member) {}

  /// Null: beyond the bound.
  Finding* add(Code code, std::uint32_t index, std::string message) {
    std::uint32_t& count = count_of(code);
    if (++count > most_in_a_list) return nullptr;
    const Path list{section_.path, member_.key};
    const Path at{&list, {}, index};
    return &context_.report(code, member_.value.array()[index].span, std::move(message), &at);
  }

  void finish() {
    for (const auto& [code, count] : counts_) {
      if (count <= most_in_a_list) continue;
      const std::uint32_t more = count - most_in_a_list;
      Finding& f = context_.at_key(code, section_, member_,
                                   "and " + std::to_string(more) + " more like this in " + quoted(member_.key) + ": " +
                                       std::string(findings::info(code).title));
      f.help = "the first " + std::to_string(most_in_a_list) + " are shown";
    }
  }

 private:
  std::uint32_t& count_of(Code code) {
    for (auto& entry : counts_)
      if (entry.first == code) return entry.second;
    return counts_.emplace_back(code, 0).second;
  }

  Context& context_;
  const Section& section_;
  const Member& member_;
  std::vector<std::pair<Code, std::uint32_t>> counts_;
};

class ListCheck {
 public:
  ListCheck(Context& context, const Section& section, const Member& member, const schema::Key& element)
      : context_(context),
        section_(section),
        member_(member),
        element_(element),
        items_(member.value.array()),
        findings_(context, section, member),
        names_(member.value),
        exclusion_(is_exclusion(section, member.key)) {}

  NameSet run() {
    for (std::uint32_t i = 0; i < items_.size(); ++i) judge(i);
    while (waiting_first_ != waiting_last_) enter(waiting_[waiting_first_++ % window]);
    findings_.finish();
    report_wildcards();
    return std::move(names_);
  }

 private:
  /// Slots are fetched into the cache while the next names are judged.
  static constexpr std::size_t window = 16;
  struct Waiting {
    std::string_view name;
    std::uint64_t hash = 0;
    std::uint32_t index = 0;
    bool below_only = false;
    bool in_storage = false;
  };

  void judge(std::uint32_t index) {
    const Value& item = items_[index];
    if (!usable(item)) return;
    if (!item.is(Type::string)) {
      findings_.add(Code::wrong_type, index, "the entry must be a string");
      return;
    }
    const std::string_view text = item.string();
    if (text.empty() && element_.format == Format::domain_or_empty) return;
    const bool below_only = text.starts_with("*.");
    const std::string_view base = below_only ? text.substr(2) : text;
    std::string_view name;
    const bool valid = policy::normalise_name(base, storage_, name) == policy::NameFault::none;
    const bool plain = valid && name.data() == base.data() && name.size() == base.size() && !ends_in_digit(base) &&
                       !(below_only && element_.format != Format::domain_wildcard);
    if (!plain && !explain_entry(index, text)) return;
    if (!valid) return;
    if (exclusion_) check_width(index, text, name, below_only);
    wait({name, hash_of(name), index, below_only, name.data() == storage_.data()});
  }

  static bool ends_in_digit(std::string_view text) { return text.back() >= '0' && text.back() <= '9'; }

  /// False when the entry is faulty beyond its form.
  bool explain_entry(std::uint32_t index, std::string_view text) {
    if (exclusion_ && text == "*") {
      if (Finding* const f = findings_.add(Code::wide_exclusion, index, "'*' leaves out every name there is"))
        f->help = "write the names that are meant";
      return false;
    }
    const auto fault = explain(text, element_.format == Format::domain_wildcard);
    if (!fault) return true;
    Finding* const f = findings_.add(fault->code, index, fault->message);
    if (f != nullptr) {
      f->help = fault->help;
      if (!fault->replacement.empty())
        fix_content(context_, *f, items_[index], fault->replacement, "write it as '" + fault->replacement + "'");
    }
    return fault->code == Code::unnormalised_domain;
  }

  void check_width(std::uint32_t index, std::string_view text, std::string_view name, bool below_only) {
    if (!may_be_public_suffix(name) || !policy::is_public_suffix(name)) {
      if (below_only && wildcards_++ == 0) first_wildcard_ = index;
      return;
    }
    Finding* const f = findings_.add(Code::wide_exclusion, index,
                                     quoted(text) + " leaves out every name below the public suffix " + quoted(name));
    if (f != nullptr) f->help = "write the registered domains that are meant";
  }

  /// One finding for all of them: a list of them says what it does.
  void report_wildcards() {
    if (wildcards_ == 0) return;
    const Path list{section_.path, member_.key};
    const Path at{&list, {}, first_wildcard_};
    std::string message =
        quoted(items_[first_wildcard_].string()) + " leaves out every name below it, whoever makes it";
    if (wildcards_ > 1) message += "; " + std::to_string(wildcards_ - 1) + " more wildcards in the list";
    context_.report(Code::wildcard_exclusion, items_[first_wildcard_].span, std::move(message), &at);
  }

  void wait(Waiting entry) {
    // Names that are not normalised in the text are few; they are entered at once, before the storage changes.
    if (entry.in_storage) return enter(entry);
    names_.prefetch(entry.hash);
    if (waiting_last_ - waiting_first_ == window) enter(waiting_[waiting_first_++ % window]);
    waiting_[waiting_last_++ % window] = entry;
  }

  void enter(const Waiting& entry) {
    const std::uint32_t before = names_.insert(entry.name, entry.hash, entry.below_only, entry.index);
    if (before == Membership::none) return;
    const std::uint32_t first = std::min(before, entry.index), again = std::max(before, entry.index);
    Finding* const f =
        findings_.add(Code::repeated_domain, again, quoted(items_[again].string()) + " is in the list already");
    if (f != nullptr) context_.relate(*f, items_[first].span, "first here");
  }

  Context& context_;
  const Section& section_;
  const Member& member_;
  const schema::Key& element_;
  std::span<const Value> items_;
  ListFindings findings_;
  NameSet names_;
  bool exclusion_;
  std::uint32_t wildcards_ = 0, first_wildcard_ = 0;
  std::string storage_;
  std::array<Waiting, window> waiting_{};
  std::size_t waiting_first_ = 0, waiting_last_ = 0;
};

}  // namespace

bool is_exclusion(const Section& section, std::string_view key) {
  if (key == "ExcludedDomains" || key == "OnDemandMatchDomainsNever") return true;
  return key == "Domains" && text(section, "DomainAction") == "NeverConnect";
}

NameSet check_domain_list(Context& context, const Section& section, const Member& member, const schema::Key& element) {
  return ListCheck(context, section, member, element).run();
}

void check_domain(Context& context, const Value& value, const schema::Key& key, const Path* parent,
                  std::string_view name) {
  const std::string_view text = value.string();
  if (text.empty() && key.format == Format::domain_or_empty) return;
  const auto fault = explain(text, key.format == Format::domain_wildcard);
  if (!fault) return;
  Finding& f = context.report(fault->code, value.span, fault->message, parent, name);
  f.help = fault->help;
  if (!fault->replacement.empty())
    fix_content(context, f, value, fault->replacement, "write it as '" + fault->replacement + "'");
}

std::string_view compared_name(std::string_view text, std::string& storage, bool& below_only) {
  below_only = text.starts_with("*.");
  if (below_only) text.remove_prefix(2);
  std::string_view name;
  return policy::normalise_name(text, storage, name) == policy::NameFault::none ? name : std::string_view{};
}

}  // namespace vpn::lint
