#include <algorithm>
#include <array>

#include "compiler/format/terminal.h"
#include "compiler/report/markup.h"
#include "compiler/report/page.h"
#include "compiler/report/words.h"

namespace vpn::report {
namespace {

constexpr std::size_t most_bytes = std::size_t{64} << 20, preview = 12;

/// Names for the page's search: packed, with where each list ends.
struct Names {
  std::string text;
  std::vector<std::size_t> ends;
  std::size_t left_out = 0;

  void add(std::string_view name) {
    if (text.size() + name.size() + 1 > most_bytes) {
      ++left_out;
      return;
    }
    text.append(name) += '\n';
  }
};

/// The search field and what it needs. `titles` are those of the lists, in order.
std::string search(const std::string& id, const std::string& label, std::size_t count, const Names& names,
                   const std::vector<std::string>& titles) {
  std::string ends, options;
  for (const std::size_t e : names.ends) ends += (ends.empty() ? "" : " ") + std::to_string(e);
  for (std::size_t i = 0; i < titles.size(); ++i)
    options += "<option value=\"" + std::to_string(i) + "\">" + escaped(titles[i]) + "</option>";
  std::string out = "<div class=\"names\" data-count=\"" + std::to_string(count) + "\" data-source=\"" + id +
                    "-data\" data-ends=\"" + ends +
                    "\"><div class=\"filters\" hidden><div class=\"field grow\"><label for=\"" + id + "-q\">" +
                    escaped(label) + "</label><input id=\"" + id +
                    "-q\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"></div>";
  if (titles.size() > 1)
    out += "<div class=\"field\"><label for=\"" + id + "-l\">In</label><select id=\"" + id +
           "-l\"><option value=\"\">all lists</option>" + options + "</select></div>";
  out += "</div><p class=\"status\" role=\"status\"></p><ol class=\"results\" aria-label=\"Matches\" hidden></ol>";
  if (names.left_out != 0)
    out += element("p", "class=\"note\"",
                   counted(names.left_out, "name is", "names are") + " not in this page, which would be too large.");
  return out + "<script type=\"text/plain\" id=\"" + id + "-data\">" + packed(names.text) + "</script></div>";
}

const char* list_meaning(fb::ListKind kind) {
  switch (kind) {
    case fb::ListKind::excluded:
      return "the governed apps reach these hosts without the VPN";
    case fb::ListKind::associated:
      return "only start the VPN on demand";
    case fb::ListKind::dns_supplemental:
      return "are asked of the VPN\u2019s resolvers";
    case fb::ListKind::evaluate:
      return "are looked at by an on-demand rule";
    default:
      return "bring an app with that role into the VPN";
  }
}

std::string source_cell(const policy::Policy& policy, std::uint32_t source) {
  return source == policy::none ? std::string("\u2013") : source_html(policy, source);
}

/// Roles of an app, the VPNs that govern it, and what it is excepted for.
std::array<std::string, 3> app_row(const policy::Policy& policy, std::uint32_t index) {
  const fb::App& app = *policy.body().apps()->Get(index);
  const fb::AppClass& c = *policy.body().app_classes()->Get(app.class_());
  std::vector<std::string> roles, vpns, exceptions;
  for (std::uint32_t bit = 1; bit <= policy::bit(policy::Role::cellular_only); bit <<= 1)
    if ((c.roles() & bit) != 0) roles.emplace_back(policy::to_string(static_cast<policy::Role>(bit)));
  for (std::uint32_t v = 0;
       c.governed() != nullptr && policy.body().per_app() != nullptr && v < policy.body().per_app()->size(); ++v)
    if (v / 64 < c.governed()->size() && (c.governed()->Get(v / 64) >> (v % 64) & 1) != 0)
      vpns.push_back(tunnel_name(policy, policy.body().per_app()->Get(v)->tunnel()));
  for (const auto& [place, word] : {std::pair(app.exception_any(), "any protocol"),
                                    {app.exception_udp(), "UDP"},
                                    {app.exception_tcp(), "TCP"},
                                    {app.captive_plugin(), "captive portal"}})
    if (place != policy::none) exceptions.emplace_back(word);
  return {joined(roles, ", ", ", "), joined(vpns, ", ", ", "), joined(exceptions, ", ", ", ")};
}

}  // namespace

Section apps_section(const Content& content) {
  constexpr std::uint32_t most_rows = 60;
  const policy::Policy& policy = content.request.policy;
  const std::uint32_t count = policy.apps().size();
  if (count == 0) return {};
  std::string html =
      element("p", "",
              counted(count, "app has", "apps have") +
                  " a name in this policy: by the profiles, by the app map, or as well-known apps of a role.");
  if (count > most_rows) {
    Names names;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::vector<std::string> cells{std::string(policy.apps().name(i))};
      for (std::string& cell : app_row(policy, i))
        if (!cell.empty()) cells.push_back(std::move(cell));
      names.add(format::printable(joined(cells, " \u2014 ", " \u2014 ")));
    }
    html += search("apps", "Find an app", count, names, {});
    html += element("p", "class=\"note\"", "The first " + std::to_string(most_rows) + ":");
  }
  html +=
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of apps\"><table "
      "class=\"stacked\"><thead><tr><th "
      "scope=\"col\">App</th><th scope=\"col\">Roles</th><th scope=\"col\">Governed by</th><th "
      "scope=\"col\">Excepted</th></tr></thead><tbody>";
  for (std::uint32_t i = 0; i < count && i < most_rows; ++i) {
    const std::array<std::string, 3> cells = app_row(policy, i);
    html += "<tr><th scope=\"row\">" + element("code", "", policy.apps().name(i)) + "</th>";
    constexpr std::array labels{"Roles", "Governed by", "Excepted"};
    for (std::size_t c = 0; c < cells.size(); ++c)
      html += "<td data-label=\"" + std::string(labels[c]) + "\">" + (cells[c].empty() ? "\u2013" : escaped(cells[c])) +
              "</td>";
    html += "</tr>";
  }
  return {"apps", "Apps", html + "</tbody></table></div>"};
}

Section domains_section(const Content& content) {
  constexpr std::uint32_t most_lists = 200;
  const policy::Policy& policy = content.request.policy;
  const fb::Policy& body = policy.body();
  const std::uint32_t lists = body.domain_lists() == nullptr ? 0 : body.domain_lists()->size();
  if (lists == 0) return {};
  // Two visits of the table rather than a copy of it for each list.
  std::vector<std::size_t> bytes(lists, 0);
  const auto each = [&](const auto& visit) {
    policy.domains().for_each([&](std::string_view name, auto whole, auto below) {
      for (const std::uint32_t list : whole) visit(list, std::string_view{}, name);
      for (const std::uint32_t list : below) visit(list, std::string_view("*."), name);
    });
  };
  each([&](std::uint32_t list, std::string_view prefix, std::string_view name) {
    bytes[list] += prefix.size() + name.size() + 1;
  });
  Names names;
  std::vector<std::size_t> at(lists, 0);
  std::size_t total = 0;
  for (std::uint32_t l = 0; l < lists; ++l) {
    at[l] = total;
    total += bytes[l];
    names.ends.push_back(std::min(total, most_bytes));
  }
  names.text.resize(std::min(total, most_bytes));
  std::size_t count = 0, used = 0;
  each([&](std::uint32_t list, std::string_view prefix, std::string_view name) {
    ++count;
    const std::size_t size = prefix.size() + name.size() + 1;
    if (at[list] + size > names.text.size()) {
      ++names.left_out;
      return;
    }
    std::copy(prefix.begin(), prefix.end(), names.text.begin() + static_cast<std::ptrdiff_t>(at[list]));
    std::copy(name.begin(), name.end(), names.text.begin() + static_cast<std::ptrdiff_t>(at[list] + prefix.size()));
    at[list] += size;
    names.text[at[list] - 1] = '\n';
    used = std::max(used, at[list]);
  });
  names.text.resize(used);
  for (std::size_t& end : names.ends) end = std::min(end, used);
  std::vector<std::string> titles;
  std::string table;
  for (std::uint32_t l = 0; l < lists; ++l) {
    const fb::DomainList& list = *body.domain_lists()->Get(l);
    const bool of_per_app = list.kind() <= fb::ListKind::associated;
    const std::uint32_t tunnel = of_per_app ? body.per_app()->Get(list.owner())->tunnel() : list.owner();
    titles.push_back(list_name(list.kind()) + std::string(" of ") + tunnel_name(policy, tunnel));
    if (l >= most_lists) continue;
    std::string some;
    std::size_t begin = l == 0 ? 0 : names.ends[l - 1];
    for (std::size_t n = 0; n < preview && begin < names.ends[l]; ++n) {
      const std::size_t end = names.text.find('\n', begin);
      if (end == std::string::npos) break;
      some += element("code", "", std::string_view(names.text).substr(begin, end - begin)) + " ";
      begin = end + 1;
    }
    if (list.count() > preview)
      some += "<span class=\"more\">" + escaped("and " + grouped(list.count() - preview) + " more") + "</span>";
    table += "<tr><th scope=\"row\">" + escaped(titles.back()) + "<span class=\"sub\">" + list_meaning(list.kind()) +
             "</span></th><td data-label=\"Names\">" + grouped(list.count()) +
             "</td><td data-label=\"Some of them\" class=\"some\">" + some + "</td><td data-label=\"Stands in\">" +
             source_cell(policy, list.source()) + "</td></tr>";
  }
  std::string html = element("p", "",
                             counted(count, "name", "names") + " in " + counted(lists, "list", "lists") +
                                 ". A name holds for itself and all below it, one with *. only for what is below.");
  html += search("domains", "Find a name", count, names, titles);
  html +=
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of lists of domains\"><table "
      "class=\"stacked\"><thead>"
      "<tr><th scope=\"col\">List</th><th scope=\"col\">Names</th><th scope=\"col\">Some of them</th><th "
      "scope=\"col\">Stands in</th></tr></thead><tbody>" +
      table + "</tbody></table></div>";
  if (lists > most_lists) html += element("p", "class=\"note\"", "Further lists are found by the search only.");
  return {"domains", "Domains", html};
}

}  // namespace vpn::report
