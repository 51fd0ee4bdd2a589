#include "compiler/report/page.h"

#include <algorithm>

#include "compiler/report/drawing.h"
#include "compiler/report/markup.h"
#include "compiler/report/states.h"
#include "compiler/report/words.h"
#include "compiler/verdict/text.h"
#include "page_files.h"

namespace vpn::report {
namespace {

std::string hexadecimal_groups(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0 && i % 4 == 0) out += ' ';
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
  return out;
}

std::string card(const std::string& number, const std::string& what, const std::string& target) {
  return "<li><a href=\"#" + target + "\"><span class=\"big\">" + escaped(number) + "</span> " + escaped(what) +
         "</a></li>";
}

std::string facts(const Request& request) {
  const policy::Header& header = request.policy.header();
  const fb::Policy& body = request.policy.body();
  std::string out = "<dl class=\"facts\">";
  const auto fact = [&](const char* what, const std::string& html) {
    out += "<div><dt>" + std::string(what) + "</dt><dd>" + html + "</dd></div>";
  };
  fact("Serial", grouped(header.serial));
  fact("Signature", header.is_signed ? "Ed25519, key <code>" + hexadecimal_groups(header.key_id) + "</code>"
                                     : std::string("not signed"));
  fact("SHA-256", "<code>" + hexadecimal_groups(header.sha256) + "</code>");
  fact("Platform", escaped(policy::to_string(static_cast<policy::Platform>(body.platform()))));
  if (body.compiler() != nullptr) fact("Compiler", escaped(body.compiler()->string_view()));
  std::string files;
  const std::uint32_t count = body.files() == nullptr ? 0 : body.files()->size();
  for (std::uint32_t i = 0; i < count && i < 20; ++i)
    files += "<li>" + element("code", "", body.files()->Get(i)->string_view()) + "</li>";
  if (count > 20) files += element("li", "", "and " + grouped(count - 20) + " more");
  if (count == 0) files = "<li>none has a VPN in it</li>";
  fact(count == 1 ? "Profile" : "Profiles", "<ul class=\"plain\">" + files + "</ul>");
  return out + "</dl>";
}

std::size_t count_severity(const Request& request, std::string_view severity) {
  return static_cast<std::size_t>(std::count_if(request.findings->begin(), request.findings->end(),
                                                [&](const Finding& f) { return f.severity == severity; }));
}

}  // namespace

std::string place_html(const Place& place) {
  std::string out = "<span class=\"place\"><code>" + escaped(place.file);
  if (place.line != 0) out += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  out += "</code>";
  if (!place.path.empty()) out += " <span class=\"path\">" + escaped(place.path) + "</span>";
  return out + "</span>";
}

std::string source_html(const policy::Policy& policy, std::uint32_t source) {
  const auto* sources = policy.body().sources();
  if (source == policy::none || sources == nullptr || source >= sources->size()) return {};
  const fb::Source& s = *sources->Get(source);
  return place_html({policy.body().files()->Get(s.file())->str(), s.line(), s.column(), s.path()->str()});
}

std::string chip(const std::string& look, const std::string& name) {
  return "<span class=\"verdict v-" + look + "\">" + escaped(name) + "</span>";
}

Section summary_section(const Content& content) {
  const Request& request = content.request;
  const fb::Policy& body = request.policy.body();
  std::string out = "<ul class=\"cards\">";
  const std::size_t vpns = (body.always_on() != nullptr ? 1U : 0U) +
                           (body.per_app() != nullptr ? body.per_app()->size() : 0U) +
                           (body.devices() != nullptr ? body.devices()->size() : 0U);
  out += card(grouped(vpns), vpns == 1 ? "VPN" : "VPNs", content.scenes.all[0].anchor);
  out += card(grouped(content.exceptions.size()), content.exceptions.size() == 1 ? "exception" : "exceptions",
              "exceptions");
  if (request.policy.apps().size() != 0)
    out += card(grouped(request.policy.apps().size()),
                request.policy.apps().size() == 1 ? "app by name" : "apps by name", "apps");
  if (request.policy.domains().size() != 0)
    out += card(grouped(request.policy.domains().size()), request.policy.domains().size() == 1 ? "domain" : "domains",
                "domains");
  if (request.findings) {
    const std::size_t found = request.findings->size() - count_severity(request, "note");
    out += card(grouped(found), found == 1 ? "finding" : "findings", "findings");
  }
  if (request.comparison) {
    const std::size_t changes = request.comparison->difference.changes.size();
    out += card(grouped(changes), changes == 1 ? "change" : "changes", "changes");
  }
  if (!request.proofs.empty()) {
    const auto holds =
        std::count_if(request.proofs.begin(), request.proofs.end(), [](const analyse::Proof& p) { return p.holds; });
    out += card(std::to_string(holds) + " of " + std::to_string(request.proofs.size()), "properties hold", "proofs");
  }
  out += "</ul>";
  for (const Scene& scene : content.scenes.all) {
    if (scene.tunnel == policy::none && content.scenes.all.size() > 1) continue;
    out += "<div class=\"pledge\"><h3><a href=\"#" + scene.anchor + "\">" + escaped(scene.title) +
           "</a> <span class=\"kind\">" + escaped(scene.kind) + "</span></h3><ul class=\"promise\">";
    for (const std::string& sentence : scene.promise) out += element("li", "", sentence);
    out += "</ul>";
    for (const std::string& note : scene.notes) out += element("p", "class=\"note\"", note);
    out += "</div>";
  }
  if (!content.scenes.left_out.empty())
    out += element("p", "class=\"note\"",
                   counted(content.scenes.left_out.size(), "further VPN has", "further VPNs have") +
                       " no section of their own on this page, and count in all verdicts all the same.");
  out += facts(request);
  return {"summary", "What this policy promises", out};
}

namespace {

constexpr std::size_t most_rows = 1000;  // of a table that a profile makes as long as it wants

std::string not_listed(std::size_t count) {
  if (count <= most_rows) return {};
  return element("p", "class=\"note\"", "The first " + grouped(most_rows) + " of " + grouped(count) + ".");
}

/// What the profile's author says about an exception of the profile's own.
std::string author(const Request& request, const Exception& e) {
  const std::string comment = request.comment && !e.is_default ? request.comment(e.source) : std::string{};
  return comment.empty() ? comment : element("span", "class=\"sub\"", "The profile says: " + quoted(comment));
}

}  // namespace

Section exceptions_section(const Content& content) {
  std::string out;
  if (content.exceptions.empty()) {
    out =
        "<p>There is none: neither a key of the profile nor a default of the schema takes anything out of what a VPN "
        "governs. What no VPN governs, and what keeps the device on its network (S0, S1), leaves all the same.</p>";
  } else {
    out =
        "<p>What may leave beside a VPN, or is refused within it, by a key of the profile or by a default of the "
        "schema.</p>"
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of exceptions\"><table "
        "class=\"stacked\"><thead><tr><th "
        "scope=\"col\">Exception</th><th scope=\"col\">VPN</th><th scope=\"col\">Why there is one</th><th "
        "scope=\"col\">Rule</th><th scope=\"col\">Said by</th></tr></thead><tbody>";
    for (std::size_t i = 0; i < std::min(content.exceptions.size(), most_rows); ++i) {
      const Exception& e = content.exceptions[i];
      out += "<tr><th scope=\"row\">" + chip(e.keeps_in ? "drop" : "direct", e.keeps_in ? "Blocked" : "Outside") + " " +
             escaped(e.title) + "</th><td data-label=\"VPN\">" + escaped(e.vpn) + "</td><td data-label=\"Why\">" +
             escaped(e.reason) + author(content.request, e) + "</td><td data-label=\"Rule\"><span class=\"rule\">" +
             escaped(e.rule) + "</span></td><td data-label=\"Said by\">";
      out += (e.is_default ? "<span class=\"default\">default, not in the profile</span> " : "") +
             source_html(content.request.policy, e.source) + "</td></tr>";
    }
    out += "</tbody></table></div>" + not_listed(content.exceptions.size());
  }
  return {"exceptions", "Exceptions", out};
}

Section spaces_section(const Content& content) {
  std::string out =
      "<p>Address space, drawn to scale. What would be too thin to see is drawn three pixels wide over the whole "
      "height "
      "of its bar, and has a bar of its own below. Ticks are sixteenths.</p>";
  for (const Space& space : content.spaces) {
    out += "<figure class=\"space\"><figcaption>" + element("h3", "", space.title) + element("p", "", space.note) +
           "</figcaption>";
    if (space.source != policy::none)
      out += "<p class=\"from\">" + source_html(content.request.policy, space.source) + "</p>";
    out += space_drawing(space) + "</figure>";
  }
  return {"addresses", "Routes and local networks", out};
}

Section findings_section(const Content& content) {
  const Request& request = content.request;
  if (!request.findings)
    return {"findings", "Findings",
            "<p class=\"note\">Not known: this page was made from a compiled policy, which does not hold its profiles. "
            "Name the profiles in its place to see what <code>vpnprofile lint</code> finds in them.</p>"};
  if (request.findings->empty())
    return {"findings", "Findings", "<p><code>vpnprofile lint</code> finds nothing in the profiles.</p>"};
  std::string out =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of findings\"><table "
      "class=\"stacked\"><thead>"
      "<tr><th scope=\"col\">Finding</th><th scope=\"col\">Severity</th><th scope=\"col\">Code</th><th "
      "scope=\"col\">Where</th></tr></thead><tbody>";
  for (std::size_t i = 0; i < std::min(request.findings->size(), most_rows); ++i) {
    const Finding& f = (*request.findings)[i];
    out += "<tr><th scope=\"row\">" + escaped(capital(f.message));
    if (!f.help.empty()) out += "<span class=\"sub\">" + escaped(f.help) + "</span>";
    out += "</th><td data-label=\"Severity\"><span class=\"severity\">" + escaped(f.severity) +
           "</span></td><td data-label=\"Code\"><code>" + escaped(f.code) + "</code> " + escaped(f.name) +
           "</td><td data-label=\"Where\">" + place_html(f.place) + "</td></tr>";
  }
  return {"findings", "Findings", out + "</tbody></table></div>" + not_listed(request.findings->size())};
}

Section legend_section() {
  std::string out =
      "<h3>Verdicts</h3><dl class=\"legend\">"
      "<div><dt>" +
      chip("tunnel", "Tunnel") +
      "</dt><dd>leaves through the named tunnel and by no other interface</dd></div>"
      "<div><dt>" +
      chip("proxy", "Proxy") +
      "</dt><dd>the connection is handed to the named app proxy</dd></div>"
      "<div><dt>" +
      chip("direct", "Direct") +
      "</dt><dd>leaves outside every tunnel</dd></div>"
      "<div><dt>" +
      chip("system", "Ordinary") +
      "</dt><dd>not governed: the device\u2019s routing table decides</dd></div>"
      "<div><dt>" +
      chip("drop", "Blocked") +
      "</dt><dd>does not leave; the app gets an error at once</dd></div></dl>"
      "<h3>How this page was made</h3><ul>"
      "<li>Every verdict is the answer of the function that also judges packets on a device, to a concrete flow in a "
      "concrete "
      "state. The flows stand below \u201casked\u201d in each row; states in which no answer differs are one "
      "column.</li>"
      "<li>Apps that the rules judge alike in every state are one group.</li>"
      "<li>Networks are made to fit the on-demand rules; beside them there are an ordinary Wi-Fi (" +
      std::string(example::network) + ", " + example::network6 +
      "), a cellular network and a captive portal. Other VPNs are disconnected unless a section says "
      "otherwise.</li>"
      "<li>For a flow, a state or a network that is not here ask <code>vpnprofile explain</code>.</li></ul>"
      "<h3>Rules, in the order in which they are asked</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"Table of rules\">"
      "<table class=\"stacked\"><thead><tr><th scope=\"col\">Rule</th><th scope=\"col\">Decides "
      "about</th></tr></thead><tbody>";
  for (unsigned r = 0; r <= static_cast<unsigned>(policy::Rule::S8); ++r) {
    const auto rule = static_cast<policy::Rule>(r);
    out += "<tr><th scope=\"row\"><span class=\"rule\">" + std::string(policy::to_string(rule)) + "</span></th><td>" +
           escaped(capital(std::string(verdict::rule_text(rule)))) + "</td></tr>";
  }
  return {"legend", "How to read this page", out + "</tbody></table></div>"};
}

std::string html(const Request& request) {
  const Content content{request, scenes(request.policy, request.states), exceptions(request.policy),
                        spaces(request.policy, request.states)};
  std::vector<Section> sections{summary_section(content)};
  if (Section s = changes_section(content); !s.html.empty()) sections.push_back(std::move(s));
  for (Section& s : scene_sections(content)) sections.push_back(std::move(s));
  for (Section s : {exceptions_section(content), spaces_section(content), apps_section(content),
                    domains_section(content), findings_section(content), proofs_section(content), legend_section()})
    if (!s.html.empty()) sections.push_back(std::move(s));
  // Frames cannot be forbidden from within a page. No text becomes markup by script: trusted types 'none'.
  const std::string rules =
      "default-src 'none'; script-src " + content_hash(page_js) + "; style-src " + content_hash(page_css) +
      "; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" "
      "content=\"" +
      rules +
      "\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\">"
      "<meta name=\"generator\" content=\"vpnprofile\">" +
      element("title", "", "VPN policy report: " + request.name) + "<style>";
  out.append(page_css).append(
      "</style></head>\n<body><a class=\"skip\" href=\"#main\">Skip to the report</a><header><p "
      "class=\"eyebrow\">VPN policy report</p>");
  out += element("h1", "", request.name) + "</header>\n<nav aria-label=\"Contents\"><h2>Contents</h2><ol>";
  for (const Section& s : sections) out += "<li><a href=\"#" + s.id + "\">" + escaped(s.title) + "</a></li>";
  out += "</ol></nav>\n<main id=\"main\" tabindex=\"-1\">";
  for (const Section& s : sections)
    out += "<section id=\"" + s.id + "\" aria-labelledby=\"" + s.id + "-h\"><h2 id=\"" + s.id + "-h\">" +
           escaped(s.title) + "</h2>" + s.html + "</section>\n";
  out += "</main>\n<footer><p>Made by vpnprofile. This file asks no network for anything.</p></footer><script>";
  return out.append(page_js).append("</script></body></html>\n");
}

}  // namespace vpn::report
