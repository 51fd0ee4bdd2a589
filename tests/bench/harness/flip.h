// How long it takes until a tunnel that went down is blocked: one store of ours, or another ruleset.
#pragma once

namespace vpn::bench {

/// Mode of main(), in a namespace of its own. argv: BPF_FOLDER CGROUP RULES ROUNDS. Prints medians in microseconds: the
/// store, libnftables in process, `nft -f`; in turn in each round.
int flip(char** argv);

}  // namespace vpn::bench
