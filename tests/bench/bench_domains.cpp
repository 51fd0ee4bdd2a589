#include "tests/bench/bench_domains.h"

#include <array>
#include <string_view>
#include <unordered_set>

namespace vpn::bench {
namespace {

using Word = std::string_view;

constexpr std::array syllables{
    Word("ar"), Word("be"),  Word("bi"),  Word("ca"),   Word("ce"),   Word("cu"),  Word("da"), Word("de"),  Word("du"),
    Word("el"), Word("en"),  Word("fa"),  Word("fi"),   Word("fo"),   Word("ga"),  Word("ge"), Word("hi"),  Word("ho"),
    Word("il"), Word("in"),  Word("ja"),  Word("ka"),   Word("ke"),   Word("la"),  Word("le"), Word("lu"),  Word("ma"),
    Word("mi"), Word("mo"),  Word("na"),  Word("ni"),   Word("no"),   Word("or"),  Word("pe"), Word("pi"),  Word("po"),
    Word("ra"), Word("re"),  Word("ri"),  Word("ro"),   Word("sa"),   Word("se"),  Word("si"), Word("spi"), Word("su"),
    Word("ta"), Word("te"),  Word("ti"),  Word("tri"),  Word("tu"),   Word("un"),  Word("va"), Word("vi"),  Word("wa"),
    Word("zo"), Word("hub"), Word("lab"), Word("shop"), Word("code"), Word("mail")};

struct Suffix {
  Word name;
  unsigned weight;
};
constexpr std::array suffixes{Suffix{"com", 50},   Suffix{"net", 9},   Suffix{"org", 8}, Suffix{"de", 6},
                              Suffix{"io", 4},     Suffix{"co.uk", 4}, Suffix{"fr", 3},  Suffix{"ru", 3},
                              Suffix{"com.br", 3}, Suffix{"info", 3},  Suffix{"dev", 3}, Suffix{"jp", 2},
                              Suffix{"co.jp", 2}};
constexpr std::size_t suffix_weights = 100;

constexpr std::array labels{Word("www"),  Word("api"),    Word("cdn"),    Word("mail"),  Word("img"),   Word("static"),
                            Word("app"),  Word("m"),      Word("blog"),   Word("shop"),  Word("login"), Word("auth"),
                            Word("edge"), Word("assets"), Word("status"), Word("docs"),  Word("eu"),    Word("us"),
                            Word("ads"),  Word("track"),  Word("media"),  Word("files"), Word("ns1"),   Word("vpn"),
                            Word("dev"),  Word("test")};

constexpr std::size_t registered_domains = 50000;  // that hosts are drawn from

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string name() {
    if (registered_.empty() || random_.below(100) < 55) {
      std::string domain = registered();
      if (registered_.size() < registered_domains) {
        registered_.push_back(domain);
      } else {
        registered_[random_.below(registered_domains)] = domain;
      }
      return domain;
    }
    std::string host = registered_[random_.below(registered_.size())];
    const std::size_t dice = random_.below(100);
    for (int n = dice < 70 ? 1 : dice < 95 ? 2 : 3; n > 0; --n) host.insert(0, label() + '.');
    return host;
  }

 private:
  Word syllable() { return syllables[random_.below(syllables.size())]; }

  std::string registered() {
    std::string name;
    for (std::size_t n = 3 + random_.below(4); n > 0; --n) name += syllable();
    if (random_.below(100) < 12) name.append("-").append(syllable());
    if (random_.below(100) < 8) name += std::to_string(1 + random_.below(99));
    std::size_t weight = random_.below(suffix_weights);
    std::size_t i = 0;
    while (weight >= suffixes[i].weight) weight -= suffixes[i++].weight;
    return name.append(".").append(suffixes[i].name);
  }

  std::string label() {
    std::string text(labels[random_.below(labels.size())]);
    if (random_.below(2) == 0) text += std::to_string(1 + random_.below(40));
    return text;
  }

  Random random_;
  std::vector<std::string> registered_;
};

}  // namespace

std::uint64_t Random::bits() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::vector<std::string> domains(std::size_t count, std::uint64_t seed) {
  Generator generator(seed);
  std::vector<std::string> out;
  out.reserve(count);
  std::unordered_set<std::string_view> seen;
  seen.reserve(count);
  while (out.size() < count) {
    out.push_back(generator.name());  // never reallocates: what `seen` views stays
    if (!seen.insert(out.back()).second) out.pop_back();
  }
  return out;
}

Hosts hosts_for(const std::vector<std::string>& names, std::size_t count, std::uint64_t seed) {
  Random random(seed);
  Generator others(seed + 1000);
  Hosts hosts;
  for (std::size_t i = 0; i < count; ++i) {
    hosts.listed.push_back(names[random.below(names.size())]);
    hosts.below.push_back("host" + std::to_string(random.below(100)) + '.' + names[random.below(names.size())]);
    std::string other = others.name();
    hosts.unlisted.push_back(other.insert(other.find('.'), "q"));
  }
  return hosts;
}

}  // namespace vpn::bench
