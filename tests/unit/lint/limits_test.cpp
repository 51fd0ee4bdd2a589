// Hostile and enormous input: bounded findings, linear time.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <functional>

#include "compiler/lint/context.h"
#include "tests/unit/lint/support.h"

namespace vpn::lint::test {
namespace {

/// CPU time of linting a profile with `count` of something, in seconds; the least of three.
template <class Make>
double seconds(Make&& make, int count) {
  const std::string text = make(count);
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const std::clock_t begin = std::clock();
    const Linted linted = lint_text(text);
    best = std::min(best, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return best;
}

/// Ten times as much takes at most thirty times as long: more than n log n, far less than n².
template <class Make>
void expect_linear(Make&& make, int count) {
  const double small = seconds(make, count), large = seconds(make, count * 10);
  EXPECT_LT(large, std::max(small * 30, 0.05)) << count << ": " << small << " s, ten times that: " << large << " s";
}

std::string repeated(int count, const std::function<std::string(int)>& make) {
  std::string out;
  for (int i = 0; i < count; ++i) out += make(i);
  return out;
}

std::string in(std::string_view place, const std::string& example) {
  return place_example(place, example).front().text;
}

TEST(Limits, FindingsOfAFileAreBounded) {
  const std::string text = in("profile", "<key>PayloadContent</key><array>" +
                                             repeated(20'000, [](int) { return std::string("<dict/>"); }) + "</array>");
  const Linted linted = lint_text(text);
  EXPECT_EQ(linted.all().size(), most_findings + 1);
  EXPECT_EQ(linted.all().back().message, "more than 10000 findings in one file; the rest is left out");
}

TEST(Limits, UnknownKeysTakeLinearTime) {
  expect_linear(
      [](int n) {
        return in("IKEv2", repeated(n, [](int i) { return "<key>K" + std::to_string(i) + "</key><true/>"; }));
      },
      2'000);
}

TEST(Limits, RepeatedKeysTakeLinearTime) {
  expect_linear(
      [](int n) {
        return in("IKEv2", repeated(n, [](int) { return std::string("<key>MTU</key><integer>1300</integer>"); }));
      },
      1'000);
  expect_linear(
      [](int n) {
        return in("plugin", "<key>VendorConfig</key><dict>" + repeated(n, [](int i) {
                              return "<key>K" + std::to_string(i / 2) + "</key><true/>";
                            }) + "</dict>");
      },
      1'000);
}

TEST(Limits, RepetitionsBehindManyOtherKeysTakeLinearTime) {
  expect_linear(
      [](int n) {
        return in("IKEv2", repeated(n, [](int i) { return "<key>K" + std::to_string(i) + "</key><true/>"; }) +
                               repeated(n, [](int) { return std::string("<key>MTU</key><integer>1300</integer>"); }));
      },
      2'000);
}

TEST(Limits, DomainsTakeLinearTime) {
  expect_linear(
      [](int n) {
        return in("applayer",
                  "<key>SafariDomains</key><array>" +
                      repeated(n, [](int i) { return "<string>h" + std::to_string(i) + ".example.com</string>"; }) +
                      "</array><key>ExcludedDomains</key><array>" +
                      repeated(n, [](int i) { return "<string>x.h" + std::to_string(i) + ".example.com</string>"; }) +
                      "</array>");
      },
      2'000);
}

TEST(Limits, PayloadsTakeLinearTime) {
  const auto payloads = [](int n) {
    return in("profile", "<key>PayloadContent</key><array>" + repeated(n, [](int i) {
                           char uuid[64];
                           std::snprintf(uuid, sizeof uuid, "%08X-0000-4000-8000-000000000000",
                                         static_cast<unsigned>(i));
                           return "<dict><key>PayloadType</key><string>com.apple.vpn.managed.applayer</string>"
                                  "<key>VPNUUID</key><string>v" +
                                  std::to_string(i) +
                                  "</string>"
                                  "<key>PayloadUUID</key><string>" +
                                  std::string(uuid) +
                                  "</string>"
                                  "<key>VPNType</key><string>IKEv2</string><key>IKEv2</key><dict>"
                                  "<key>PayloadCertificateUUID</key><string>" +
                                  std::string(uuid) + "</string></dict></dict>";
                         }) + "</array>");
  };
  expect_linear(payloads, 300);
}

TEST(Limits, RulesAndExceptionsTakeLinearTime) {
  expect_linear(
      [](int n) {
        return in("rules", repeated(n, [](int i) {
                    return "<dict><key>Action</key><string>Connect</string><key>SSIDMatch</key><array><string>s" +
                           std::to_string(i) + "</string></array></dict>";
                  }));
      },
      1'000);
  expect_linear(
      [](int n) {
        return in("AlwaysOn", "<key>ApplicationExceptions</key><array>" + repeated(n, [](int i) {
                                return "<dict><key>BundleIdentifier</key><string>com.example.a" + std::to_string(i) +
                                       "</string></dict>";
                              }) + "</array>");
      },
      1'000);
  expect_linear(
      [](int n) {
        return in("mapping", "<key>MatchTools</key><array>" + repeated(n, [](int i) {
                               return "<dict><key>Path</key><string>/usr/bin/t" + std::to_string(i) +
                                      "</string></dict>";
                             }) + "</array>");
      },
      1'000);
}

TEST(Limits, DeepNestingIsTheReadersBound) {
  std::string deep;
  for (int i = 0; i < 50; ++i) deep += "<dict><key>a</key>";
  deep += "<true/>";
  for (int i = 0; i < 50; ++i) deep += "</dict>";
  EXPECT_TRUE(lint_in("plugin", "<key>VendorConfig</key>" + deep).sink.all().empty());
}

}  // namespace
}  // namespace vpn::lint::test
