// Precompiled headers need a target to belong to; this program does nothing.
#include "tests/support/headers/test_headers.h"

int main() {}
