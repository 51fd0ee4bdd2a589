// A million routes in the kernel: our table, and the trie that eBPF has for prefixes.
#pragma once

namespace vpn::bench {

/// Mode of main(), in a namespace of its own. argv: BPF_FOLDER CGROUP COUNT. Prints milliseconds until our table with
/// so many routes is in force, from the policy on and from its words on, its MiB, and the trie's milliseconds.
int addresses(char** argv);

}  // namespace vpn::bench
