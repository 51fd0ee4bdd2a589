// schema_generate FOLDER OUTPUT: turns the data in FOLDER (schemas/) into the C++ file OUTPUT.
#include <cstdio>
#include <fstream>
#include <iostream>

#include "compiler/schema/generate/spec.h"

int main(int argc, char** argv) {
  using namespace vpn::schema::generate;
  if (argc != 3) {
    std::cerr << "usage: schema_generate FOLDER OUTPUT\n";
    return 2;
  }
  Catalogue catalogue;
  Diagnostics diagnostics;
  load_lists(argv[1], catalogue, diagnostics);
  load_payloads(argv[1], catalogue, diagnostics);
  resolve(catalogue, diagnostics);
  for (const std::string& message : diagnostics.messages()) std::cerr << message << '\n';
  if (diagnostics.failed()) return 1;
  const std::string output = argv[2];
  {
    std::ofstream out(output, std::ios::binary | std::ios::trunc);
    out << emit(catalogue);
    if (out.flush()) return 0;
  }
  std::cerr << output << ": error: cannot be written\n";
  std::remove(output.c_str());
  return 3;
}
