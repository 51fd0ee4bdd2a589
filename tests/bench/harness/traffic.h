// Traffic for the rows about enforcing: what a process in the guarded part sends, counted over a while.
#pragma once

namespace vpn::bench {

/// Modes of main(), each a process of its own in a namespace and a cgroup that tests/bench/live chose.
/// Answers what traffic() sends, until it is killed. argv: ADDRESS
int serve(char** argv);
/// argv: connect|sendto|connected|bulk ADDRESS SECONDS. Prints operations (bulk: bytes) a second.
int traffic(char** argv);

}  // namespace vpn::bench
