// "Reading and compiling": profiles of 9 KB and 52 MB against libplist, pugixml and Python's plistlib.
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"
#include "compiler/lint/lint.h"
#include "compiler/lower/lower.h"
#include "compiler/model/build.h"
#include "tests/bench/harness/peers.h"
#include "tests/bench/harness/process.h"
#include "tests/bench/harness/profiles.h"
#include "tests/bench/harness/suites.h"
#include "tests/bench/harness/timing.h"

namespace vpn::bench {
namespace {

namespace fs = std::filesystem;
constexpr double micro = 1e6, milli = 1e3;

// The whole way in process; the size of the policy, 0 where something refused.
std::size_t compile(const std::string& text) {
  findings::Sink sink;
  const auto document = document::read(std::make_unique<document::Source>("bench.mobileconfig", text), {}, sink);
  if (!document) return 0;
  const document::Document* const documents[] = {document.get()};
  lint::lint(documents, {}, sink);
  if (sink.has_errors()) return 0;
  const model::Model model = model::build(documents, {});
  const auto output = lower::lower(model, {});
  return output ? output->policy.size() : 0;
}

void read_only(const std::string& text) {
  findings::Sink sink;
  keep(document::read(std::make_unique<document::Source>("bench.mobileconfig", text), {}, sink).get());
}

std::string signing_key(const Setup& setup) {
  const std::string path = setup.folder + "/key.pem";
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"),
                                                                EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new_file(path.c_str(), "w"), BIO_free_all);
  PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return path;
}

void small_profile(const Setup& setup, Rows& rows) {
  const std::string path = setup.data + "/typical-9k.mobileconfig";
  const std::string text = read_file(path);
  const std::string binary = to_binary(text);
  if (compile(text) == 0) {
    std::fprintf(stderr, "error: %s does not compile\n", path.c_str());
    return;
  }
  const std::size_t rounds = setup.quick ? 3 : 11, repeat = setup.quick ? 20 : 400;
  const Pair whole = interleaved(
      rounds, repeat, [&] { keep(compile(text)); }, [&] { libplist_xml(text); });
  rows.add({"9 KB profile: read, lint and compile", "us", whole.ours * micro, whole.peer * micro,
            "libplist, XML parse alone", Bound::ratio_at_most, 1.0});
  std::string scratch;
  const Pair parse = interleaved(
      rounds, repeat, [&] { read_only(text); },
      [&] {
        scratch = text;
        pugixml_in_place(scratch);
      });
  rows.add({"9 KB profile: read alone", "us", parse.ours * micro, parse.peer * micro, "pugixml in place, parse alone"});
  const Pair bin = interleaved(
      rounds, repeat, [&] { read_only(binary); }, [&] { libplist_binary(binary); });
  rows.add(
      {"9 KB profile as binary: read alone", "us", bin.ours * micro, bin.peer * micro, "libplist, binary parse alone"});
  if (const double python = plistlib_microseconds(path, setup.quick ? 20 : 300); python > 0)
    rows.add(
        {"9 KB profile: read, lint and compile", "us", whole.ours * micro, python, "Python plistlib, parse alone"});
  const auto [ours, peer] =
      run_interleaved(setup.quick ? 3 : 21, {setup.program, "compile", path, "-o", setup.folder + "/p.vpnpolicy"},
                      {"python3", "-c", "import plistlib; plistlib.load(open('" + path + "','rb'))"});
  if (ours.status == 0)
    rows.add({"one vpnprofile compile process", "ms", ours.seconds * milli, peer.seconds * milli,
              "one Python plistlib process", Bound::ours_at_most, 6});
}

void fleet(const Setup& setup, Rows& rows) {
  const std::string typical = read_file(setup.data + "/typical-9k.mobileconfig");
  const std::size_t devices = setup.quick ? 20 : 1000;
  const std::string in = setup.folder + "/fleet";
  for (std::size_t i = 0; i < devices; ++i) {
    const std::string folder = in + "/device" + std::to_string(i);
    fs::create_directories(folder);
    write_file(folder + "/a.mobileconfig", device_profile(typical, i));
  }
  // ext4 is slow to make files within five seconds after others were removed, as the rows before did: whoever compiles
  // for a fleet did not. For the same reason each round has a folder.
  if (!setup.quick) std::this_thread::sleep_for(std::chrono::seconds(6));
  std::vector<double> cpu, wall;
  for (int i = 0; i < (setup.quick ? 1 : 5); ++i) {
    const std::string out = setup.folder + "/policies" + std::to_string(i);
    const ProcessRun run = run_process({setup.program, "compile", "--batch", in, "-o", out});
    if (run.status != 0) return;
    cpu.push_back(run.cpu);
    wall.push_back(run.seconds);
  }
  rows.add({"--batch of 1,000 profiles: CPU time of each", "ms", median(cpu) * milli / static_cast<double>(devices), 0,
            "", Bound::ours_at_most, 0.1});
  rows.add({"--batch of 1,000 profiles: wall time of each", "ms", median(wall) * milli / static_cast<double>(devices),
            0, "", Bound::none, 0});
}

void large_profile(const Setup& setup, Rows& rows) {
  const std::size_t names = setup.quick ? 10000 : 1000000;
  const std::string path = setup.folder + "/large.mobileconfig";
  write_file(path, excluded_domains(names));
  const auto [ours, peer] = run_interleaved(
      setup.quick ? 1 : 5,
      {setup.program, "compile", path, "-o", setup.folder + "/large.vpnpolicy", "--sign-key", signing_key(setup)},
      {"/proc/self/exe", "--peer-parse", path});
  if (ours.status != 0) return;
  rows.add({"52 MB profile, 1,000,000 domains: to a signed policy", "ms", ours.seconds * milli, peer.seconds * milli,
            "libplist, XML parse alone", Bound::ratio_at_most, 2.0});
  rows.add({"52 MB profile, 1,000,000 domains: peak memory", "MiB", ours.peak_mib, peer.peak_mib,
            "libplist, XML parse alone", Bound::ours_at_most, 300});
}

// Time for an entry at the largest count against that at a hundredth of it: 1.0 is linear.
void curve(const Setup& setup, Rows& rows, const std::string& what, std::string (*make)(std::size_t)) {
  std::vector<std::pair<std::size_t, double>> points;
  for (std::size_t n = 1; n <= (setup.quick ? 1000u : 1000000u); n *= 10) {
    const std::string text = make(n);
    std::vector<double> times;
    for (int i = 0; i < (n >= 100000 ? 3 : 7); ++i) times.push_back(seconds_each(1, [&] { keep(compile(text)); }));
    if (compile(text) == 0) {
      std::fprintf(stderr, "error: %s with %zu entries does not compile\n", what.c_str(), n);
      return;
    }
    points.emplace_back(n, median(times));
    rows.add({"growth: " + std::to_string(n) + " " + what, "us", points.back().second * micro, 0, "", Bound::none, 0});
  }
  const auto& [most, last] = points.back();
  const auto& [fewer, before] = points[points.size() - 3];
  rows.add({"growth of " + what + ": time of an entry, " + std::to_string(most) + " against " + std::to_string(fewer),
            "ns", last / static_cast<double>(most) * 1e9, before / static_cast<double>(fewer) * 1e9,
            "ourselves with fewer", Bound::ratio_at_most, 2.0});
}

}  // namespace

void reading(const Setup& setup, Rows& rows) {
  small_profile(setup, rows);
  fleet(setup, rows);
  large_profile(setup, rows);
  curve(setup, rows, "excluded domains", excluded_domains);
  curve(setup, rows, "mapped apps", mapped_apps);
  curve(setup, rows, "networks of one on-demand rule", matched_networks);
  curve(setup, rows, "on-demand rules", on_demand_rules);
}

}  // namespace vpn::bench
