#include "tests/bench/harness/captures.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <vector>

namespace vpn::bench {
namespace {

using Frame = std::vector<std::uint8_t>;

constexpr std::uint32_t device_address = 0xc0a80114, resolver_address = 0xc0a80101;
constexpr std::size_t captured = 96;

void put(Frame& out, std::uint64_t value, unsigned bytes) {
  while (bytes-- > 0) out.push_back(static_cast<std::uint8_t>(value >> (8 * bytes)));
}

struct Flow {
  std::uint32_t remote = 0;
  std::uint16_t local_port = 0, remote_port = 443;
  bool udp = false;
};

Frame frame(const Flow& f, bool outgoing, const Frame& payload, std::size_t size) {
  const bool lookup = f.remote_port == 53;
  Frame out(12, 2);
  put(out, 0x0800, 2);
  put(out, 0x4500, 2);
  put(out, size - 14, 2);
  put(out, 0, 4);
  put(out, f.udp ? 0x4011 : 0x4006, 2);
  put(out, 0, 2);
  put(out, outgoing ? device_address : f.remote, 4);
  put(out, outgoing ? f.remote : device_address, 4);
  put(out, outgoing ? f.local_port : f.remote_port, 2);
  put(out, outgoing ? f.remote_port : f.local_port, 2);
  if (f.udp) {
    put(out, size - 34, 2);
    put(out, 0, 2);
  } else {
    put(out, 1, 8);
    put(out, 0x50180400, 4);
    put(out, 0, 4);
  }
  out.insert(out.end(), payload.begin(), payload.end());
  if (!lookup && payload.empty()) out.resize(std::min(size, captured), 0x17);
  return out;
}

// "hostN.example.com", asked or answered.
Frame dns(std::size_t number, std::uint32_t answer) {
  Frame out;
  put(out, number, 2);
  put(out, answer == 0 ? 0x0100 : 0x8180, 2);
  put(out, 1, 2);
  put(out, answer == 0 ? 0 : 1, 2);
  put(out, 0, 4);
  for (const std::string& label : {"host" + std::to_string(number), std::string("example"), std::string("com")}) {
    put(out, label.size(), 1);
    out.insert(out.end(), label.begin(), label.end());
  }
  put(out, 0, 1);
  put(out, 0x00010001, 4);
  if (answer == 0) return out;
  put(out, 0xc00c, 2);
  put(out, 0x00010001, 4);
  put(out, 300, 4);
  put(out, 4, 2);
  put(out, answer, 4);
  return out;
}

Frame client_hello(std::size_t number) {
  const std::string name = "host" + std::to_string(number) + ".example.com";
  Frame out;
  put(out, 0x160301, 3);
  put(out, name.size() + 56, 2);
  put(out, 1, 1);
  put(out, name.size() + 52, 3);
  put(out, 0x0303, 2);
  out.resize(out.size() + 32, 7);
  put(out, 0x00, 1);
  put(out, 0x00021301, 4);
  put(out, 0x0100, 2);
  put(out, name.size() + 9, 2);
  put(out, 0, 2);
  put(out, name.size() + 5, 2);
  put(out, name.size() + 3, 2);
  put(out, 0, 1);
  put(out, name.size(), 2);
  out.insert(out.end(), name.begin(), name.end());
  return out;
}

class Writer {
 public:
  explicit Writer(const std::string& path) : file_(std::fopen(path.c_str(), "wb"), &std::fclose) {
    if (file_ == nullptr) return;
    const std::uint32_t header[] = {0xa1b23c4d, 0x00040002, 0, 0, 262144, 1};
    good_ = std::fwrite(header, sizeof header, 1, file_.get()) == 1;
  }
  void write(const Frame& content, std::size_t size) {
    const auto length = static_cast<std::uint32_t>(std::max(size, content.size()));
    const std::uint32_t header[] = {1'790'000'000 + count_ / 100'000, count_ % 100'000 * 10'000,
                                    static_cast<std::uint32_t>(content.size()), length};
    ++count_;
    good_ = good_ && std::fwrite(header, sizeof header, 1, file_.get()) == 1 &&
            std::fwrite(content.data(), content.size(), 1, file_.get()) == 1;
  }
  bool finish() { return good_ && std::fflush(file_.get()) == 0; }
  bool good() const { return good_; }
  std::uint32_t count() const { return count_; }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  bool good_ = false;
  std::uint32_t count_ = 0;
};

}  // namespace

bool write_capture(const std::string& path, std::size_t packets, std::size_t flows) {
  Writer writer(path);
  std::mt19937 random(23);
  std::vector<Flow> all(flows);
  std::vector<bool> begun(flows);
  for (Flow& f : all) {
    f.remote = 0x0b000000 + static_cast<std::uint32_t>(random() % 0x60000000);
    f.local_port = static_cast<std::uint16_t>(20000 + random() % 40000);
    f.udp = random() % 4 == 0;
  }
  while (writer.good() && writer.count() < packets) {
    const double skew = static_cast<double>(random()) / static_cast<double>(std::mt19937::max());
    const std::size_t number =
        std::min(flows - 1, static_cast<std::size_t>(static_cast<double>(flows) * skew * skew * skew));
    const Flow& f = all[number];
    if (!begun[number] && number % 10 == 0) {
      const Flow lookup{resolver_address, f.local_port, 53, true};
      writer.write(frame(lookup, true, dns(number, 0), 80), 80);
      writer.write(frame(lookup, false, dns(number, f.remote), 96), 96);
    }
    if (!begun[number] && !f.udp) {
      const Frame hello = client_hello(number);
      writer.write(frame(f, true, hello, hello.size() + 54), hello.size() + 54);
    }
    begun[number] = true;
    const bool outgoing = random() % 2 == 0;
    const std::size_t size = random() % 3 == 0 ? 1454 : 66;
    writer.write(frame(f, outgoing, {}, size), size);
  }
  return writer.good() && writer.finish();
}

}  // namespace vpn::bench
