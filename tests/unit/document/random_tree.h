// Random value trees, and their forms as XML, binary and JSON.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace vpn::document {

struct Tree {
  enum class Kind : std::uint8_t { boolean, integer, real, string, data, date, array, dictionary };
  Kind kind = Kind::boolean;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;  ///< string, bytes of data, date
  struct Child;
  std::vector<Child> children;
};

struct Tree::Child {
  std::string key;  ///< empty in an array
  Tree tree;
};

/// A dictionary. `for_json`: without data and dates.
Tree random_tree(std::mt19937& random, bool for_json);
std::string as_text(const Tree& tree);  ///< as tree_of() shows what was read
std::string as_xml(const Tree& tree, std::mt19937& random);
std::string as_binary(const Tree& tree);
std::string as_json(const Tree& tree, std::mt19937& random);

}  // namespace vpn::document
