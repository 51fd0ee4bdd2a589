// How long a daemon takes from its start to what it says.
#pragma once

namespace vpn::bench {

/// Mode of main(): runs argv, and prints for each line that it writes to standard error the milliseconds since the
/// start and the line. Ends with it; a SIGTERM goes on to it.
int timed(char** argv);

}  // namespace vpn::bench
