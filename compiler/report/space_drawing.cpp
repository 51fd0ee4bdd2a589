#include <algorithm>
#include <cmath>

#include "compiler/report/drawing.h"
#include "compiler/report/markup.h"
#include "compiler/report/words.h"

namespace vpn::report {
namespace {

using policy::Address;
using policy::Prefix;

constexpr double bar_width = 1000, thinnest = 3;
constexpr std::size_t most_zooms = 6;

double position(const Address& a) {
  return a.v6 ? std::ldexp(static_cast<double>(a.high), 64) + static_cast<double>(a.low) : static_cast<double>(a.low);
}

double size_of(const Prefix& p) { return std::ldexp(1.0, (p.base.v6 ? 128 : 32) - p.length); }

/// The smallest prefix that holds both.
Prefix common(const Prefix& a, const Prefix& b) {
  std::uint8_t length = std::min(a.length, b.length);
  while (length > 0 && Prefix::of(a.base, length) != Prefix::of(b.base, length)) --length;
  return Prefix::of(a.base, length);
}

std::string addresses(const Prefix& p) {
  const int bits = (p.base.v6 ? 128 : 32) - p.length;
  if (bits <= 40) return counted(std::uint64_t{1} << bits, "address", "addresses");
  return "2^" + std::to_string(bits) + " addresses";
}

std::string share(const Prefix& p) {
  if (p.length == 0) return "all of " + std::string(p.base.v6 ? "IPv6" : "IPv4");
  const std::string of = p.base.v6 ? " of IPv6" : " of IPv4";
  return p.length <= 40 ? "1/" + grouped(std::uint64_t{1} << p.length) + of : "1/2^" + std::to_string(p.length) + of;
}

/// One bar: the part of the address space that `whole` is, with the prefixes in it.
std::string bar(const Prefix& whole, const std::vector<Prefix>& prefixes) {
  std::string out =
      "<svg class=\"bar\" viewBox=\"0 0 1000 30\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
      "<rect class=\"bar-back\" width=\"1000\" height=\"30\"/>";
  for (int i = 1; i < 16; ++i)
    out += "<path class=\"bar-line\" d=\"M" + number(i * bar_width / 16) + " 0V" + (i % 4 == 0 ? "30" : "8") + "\"/>";
  for (const Prefix& p : prefixes) {
    if (!whole.contains(p)) continue;
    const double w = size_of(p) / size_of(whole) * bar_width;
    const double x = (position(p.base) - position(whole.base)) / size_of(whole) * bar_width;
    const double shown = std::max(w, thinnest);
    out += "<rect class=\"" + std::string(w < thinnest ? "bar-part widened" : "bar-part") + "\" x=\"" +
           number(std::min(x, bar_width - shown)) + "\" y=\"" + (w < thinnest ? "0" : "3") + "\" width=\"" +
           number(shown) + "\" height=\"" + (w < thinnest ? "30" : "24") + "\"/>";
  }
  return out + "</svg>";
}

/// The prefixes in a bar by name.
std::string names(const Prefix& whole, const std::vector<Prefix>& prefixes) {
  constexpr std::size_t most = 5;
  std::string out;
  std::size_t count = 0;
  for (const Prefix& p : prefixes)
    if (whole.contains(p) && ++count <= most) out += (count == 1 ? "" : " ") + element("code", "", p.to_string());
  if (count > most) out += " and " + grouped(count - most) + " more";
  return out;
}

std::string ends(const Prefix& whole) {
  return "<span class=\"ends\"><span>" + escaped(whole.first().to_string()) + "</span><span>" +
         escaped(whole.last().to_string()) + "</span></span>";
}

/// Blocks worth a bar of their own: where the whole space shows nothing but a thin line.
std::vector<Prefix> blocks(const std::vector<Prefix>& prefixes) {
  std::vector<Prefix> sorted = prefixes;
  std::sort(sorted.begin(), sorted.end());
  std::vector<Prefix> out;
  for (const Prefix& p : sorted) {
    const std::uint8_t least = p.base.v6 ? 12 : 6;  // of what is put together
    if (!out.empty() && common(out.back(), p).length >= least) {
      out.back() = common(out.back(), p);
    } else {
      out.push_back(p);
    }
  }
  // A prefix alone fills its bar: one step around it shows where in its surroundings it lies.
  for (Prefix& b : out)
    if (std::find(sorted.begin(), sorted.end(), b) != sorted.end() && b.length > (b.base.v6 ? 16 : 8))
      b = Prefix::of(b.base, b.base.v6 ? 16 : 8);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  // Neither what the whole space shows well enough, nor a bar that is full.
  const auto seen_already = [&](const Prefix& b) {
    return b.length < (b.base.v6 ? 9 : 7) || std::find(sorted.begin(), sorted.end(), b) != sorted.end();
  };
  out.erase(std::remove_if(out.begin(), out.end(), seen_already), out.end());
  if (out.size() > most_zooms) out.resize(most_zooms);
  return out;
}

std::string family(const std::vector<Prefix>& prefixes, bool v6) {
  std::vector<Prefix> own;
  for (const Prefix& p : prefixes)
    if (p.base.v6 == v6) own.push_back(p);
  if (own.empty()) return {};
  const Prefix whole = Prefix::of(own[0].base, 0);
  std::string out = "<div class=\"family\"><p class=\"bar-title\">All of " + std::string(v6 ? "IPv6" : "IPv4") + ": " +
                    names(whole, own) + "</p>" + bar(whole, own) + ends(whole);
  for (const Prefix& block : blocks(own))
    out += "<p class=\"bar-title zoomed\">" + names(block, own) + " in " + element("code", "", block.to_string()) +
           ", " + escaped(share(block)) + "</p>" + bar(block, own) + ends(block);
  return out + "</div>";
}

}  // namespace

std::string space_drawing(const Space& space) {
  std::string out =
      "<div class=\"families\">" + family(space.prefixes, false) + family(space.prefixes, true) + "</div>";
  out += "<details><summary>" + escaped(counted(space.prefixes.size(), "prefix", "prefixes")) +
         " as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Prefixes of " +
         escaped(space.title) +
         "\"><table><thead><tr><th scope=\"col\">Prefix</th><th scope=\"col\">First</th><th scope=\"col\">Last</th>"
         "<th scope=\"col\">Size</th><th scope=\"col\">Share</th></tr></thead><tbody>";
  for (const Prefix& p : space.prefixes)
    out += "<tr><th scope=\"row\">" + element("code", "", p.to_string()) + "</th><td>" +
           element("code", "", p.first().to_string()) + "</td><td>" + element("code", "", p.last().to_string()) +
           "</td><td>" + escaped(addresses(p)) + "</td><td>" + escaped(share(p)) + "</td></tr>";
  return out + "</tbody></table></div></details>";
}

}  // namespace vpn::report
