#include "tests/bench/harness/flip.h"

#include <nftables/libnftables.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"
#include "tests/bench/harness/process.h"
#include "tests/bench/harness/profiles.h"
#include "tests/bench/harness/timing.h"

namespace vpn::bench {
namespace {

struct ContextCloser {
  void operator()(nft_ctx* context) const { ::nft_ctx_free(context); }
};

}  // namespace

int flip(char** argv) {
  agent::Options options;
  options.bpf_dir = argv[0];
  options.cgroup = argv[1];
  const std::string path = argv[2], rules = read_file(path);
  const std::unique_ptr<nft_ctx, ContextCloser> nft(::nft_ctx_new(NFT_CTX_DEFAULT));
  ::nft_ctx_buffer_error(nft.get());
  auto datapath = agent::Datapath::open(options);
  if (!datapath || nft == nullptr) {
    std::fprintf(stderr, "%s\n", datapath ? "libnftables cannot be used" : datapath.error().what.c_str());
    return 1;
  }
  constexpr std::size_t stores = 1000;
  std::vector<double> store, library, program;
  bool up = false, good = true;
  for (long round = std::strtol(argv[3], nullptr, 10); round > 0; --round) {
    store.push_back(seconds_each(stores, [&] { datapath->set_connected(0, up = !up); }) * 1e6);
    library.push_back(
        seconds_each(1, [&] { good = good && ::nft_run_cmd_from_buffer(nft.get(), rules.c_str()) == 0; }) * 1e6);
    const ProcessRun run = run_process({"nft", "-f", path});
    good = good && run.status == 0;
    program.push_back(run.seconds * 1e6);
  }
  const bool removed = datapath->remove_guard().has_value();
  if (!good || !removed) {
    std::fprintf(stderr, "nftables: %s\n", ::nft_ctx_get_error_buffer(nft.get()));
    return 1;
  }
  std::printf("%.6g %.6g %.6g\n", median(store), median(library), median(program));
  return 0;
}

}  // namespace vpn::bench
