// Runs one IKEv2 provider on the agent's loop and tells what it reports, for tests/ike/run.
//   ike_driver POLICY SECRETS STATE_DIR CGROUP_MOUNT CGROUP DEAD_PEER_SECONDS
// Commands come line by line on standard input: `connect UNDERLAY ADDRESS…` ("-" for no underlay), `disconnect`, and
// its end, at which the provider is destroyed. Reports go to standard output, one JSON object on a line.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/loop/asio_loop.h"
#include "agent/tunnel/secrets.h"
#include "agent/tunnel/strongswan/strongswan.h"

namespace {

using namespace vpn;
using nlohmann::json;

json to_json(const agent::ProviderReport& report) {
  const agent::NetworkSettings& settings = report.settings;
  json out{{"status", policy::to_string(report.status)},
           {"reason", report.reason},
           {"interface", settings.interface},
           {"mtu", settings.mtu},
           {"mark", report.process.mark.value_or(0)},
           {"cgroups", report.process.cgroups}};
  for (const auto& [address, length] : settings.addresses) {
    out["addresses"].push_back(address.to_string() + "/" + std::to_string(length));
  }
  for (const policy::Prefix& route : settings.included_routes) out["included"].push_back(route.to_string());
  for (const policy::Address& server : settings.dns.servers) out["dns"].push_back(server.to_string());
  for (const policy::Endpoint& e : settings.endpoints) {
    out["endpoints"].push_back(e.address.to_string() + " " + std::to_string(e.protocol) + " " + std::to_string(e.port));
  }
  return out;
}

int complain(const Error& error) {
  std::cout << json{{"error", error.what}, {"where", error.where}}.dump() << std::endl;
  return 1;
}

class Driver {
 public:
  Driver(agent::AsioLoop& loop, agent::Provider& provider) : loop_(loop), provider_(provider) {
    ::fcntl(STDIN_FILENO, F_SETFL, ::fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    input_ = loop_.readable(STDIN_FILENO, [this] { read(); });
  }

 private:
  void read() {
    std::array<char, 512> buffer{};
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count == 0) return loop_.stop();
    if (count < 0) return;
    text_.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      obey(text_.substr(0, end));
      text_.erase(0, end + 1);
    }
  }

  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "disconnect") return provider_.disconnect();
    agent::ConnectRequest request;
    words >> request.underlay;
    if (request.underlay == "-") request.underlay.clear();
    while (words >> word) {
      if (const auto address = policy::Address::parse(word)) request.servers.push_back(*address);
    }
    provider_.connect(request);
  }

  agent::AsioLoop& loop_;
  agent::Provider& provider_;
  std::string text_;
  std::unique_ptr<agent::Waiting> input_;
};

}  // namespace

int main(int count, char** words) {
  if (count != 7) return 2;
  auto policy = policy::Policy::open(words[1]);
  if (!policy) return complain(policy.error());
  auto secrets = agent::Secrets::read(*policy, {words[2], {}, {}});
  if (!secrets) return complain(secrets.error());
  agent::StrongswanOptions options;
  options.cgroup_mount = words[4];
  options.cgroup = words[5];
  options.dead_peer_delay = std::chrono::seconds(std::stoi(words[6]));
  agent::AsioLoop loop;
  const agent::TunnelConfiguration configuration{&*policy, 0, &*secrets, words[3]};
  const auto make = agent::strongswan_factory(options);
  const auto provider = make(loop, configuration, [](const agent::ProviderReport& report) {
    std::cout << to_json(report).dump() << std::endl;
  });
  if (!provider) return complain({ErrorKind::invalid_input, "no tunnel for this provider", {}, {}});
  if (auto ok = provider->configure(configuration); !ok) return complain(ok.error());
  const Driver driver(loop, *provider);
  loop.run();
  return 0;
}
