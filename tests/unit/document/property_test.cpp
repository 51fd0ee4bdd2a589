// Properties of all readers: forms of one tree read equal; nothing that is cut off or damaged brings a reader down.
#include <string>

#include "random_tree.h"
#include "reading.h"

namespace vpn::document {
namespace {

using testing::IsEmpty;

TEST(Property, FormsOfATreeReadEqual) {
  std::mt19937 random(20261);
  for (int i = 0; i < 500; ++i) {
    const bool for_json = i % 2 == 0;
    const Tree tree = random_tree(random, for_json);
    const std::string expected = as_text(tree), xml = as_xml(tree, random);
    const Reading from_xml = read_text(xml);
    ASSERT_THAT(from_xml.findings(), IsEmpty()) << xml;
    ASSERT_EQ(from_xml.tree(), expected) << xml;
    const Reading from_binary = read_text(as_binary(tree));
    ASSERT_THAT(from_binary.findings(), IsEmpty());
    ASSERT_EQ(from_binary.tree(), expected);
    ASSERT_EQ(from_binary.document->format, Format::binary);
    if (!for_json) continue;
    const std::string json = as_json(tree, random);
    const Reading from_json = read_text(json);
    ASSERT_THAT(from_json.findings(), IsEmpty()) << json;
    ASSERT_EQ(from_json.tree(), expected) << json;
  }
}

/// Every span lies in the text, and that of a child in that of its parent.
void expect_nested(const Value& value, Span outer) {
  ASSERT_TRUE(value.span.known());
  ASSERT_LE(outer.begin, value.span.begin);
  ASSERT_LT(value.span.begin, value.span.end);
  ASSERT_LE(value.span.end, outer.end);
  if (value.is(Type::array))
    for (const Value& item : value.array()) expect_nested(item, value.span);
  if (value.is(Type::dictionary)) {
    for (const Member& m : value.dictionary()) {
      ASSERT_LE(value.span.begin, m.key_span.begin);
      ASSERT_LE(m.key_span.end, m.value.span.begin);
      expect_nested(m.value, value.span);
    }
  }
}

TEST(Property, SpansNest) {
  std::mt19937 random(20262);
  for (int i = 0; i < 200; ++i) {
    const Tree tree = random_tree(random, true);
    for (const std::string& text : {as_xml(tree, random), as_json(tree, random)}) {
      const Reading r = read_text(text);
      ASSERT_NE(r.document, nullptr);
      expect_nested(r.document->root(), {0, static_cast<std::uint32_t>(text.size())});
    }
  }
}

/// A reading either gives a document or says why not, and all that it says lies within the text.
void expect_sane(const std::string& text) {
  const Reading r = read_text(text);
  if (r.document == nullptr) {
    ASSERT_TRUE(r.sink.has_errors()) << text;
  }
  for (const findings::Finding& f : r.sink.all()) {
    ASSERT_NE(f.source, nullptr);
    ASSERT_FALSE(f.message.empty());
    if (!f.span.known()) continue;
    ASSERT_LE(f.span.begin, f.span.end);
    ASSERT_LE(f.span.end, f.source->text().size()) << text;
    for (const findings::Related& related : f.related) ASSERT_LE(related.span.end, related.source->text().size());
  }
}

TEST(Property, TruncationIsAnErrorAtEveryByte) {
  std::mt19937 random(20263);
  for (int i = 0; i < 4; ++i) {
    const Tree tree = random_tree(random, true);
    for (const std::string& text : {as_xml(tree, random), as_binary(tree), as_json(tree, random)}) {
      const std::size_t whole = text.find_last_not_of("\r\n\t ") + 1;
      for (std::size_t size = 0; size < whole; ++size) {
        const Reading r = read_text(text.substr(0, size));
        ASSERT_EQ(r.document, nullptr) << text.substr(0, size);
        ASSERT_EQ(r.sink.count(findings::Severity::error), 1u) << text.substr(0, size);
        expect_sane(text.substr(0, size));
      }
    }
  }
}

TEST(Property, MutationsNeverBringAReaderDown) {
  std::mt19937 random(20264);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (int i = 0; i < 30; ++i) {
    const Tree tree = random_tree(random, true);
    for (const std::string& text : {as_xml(tree, random), as_binary(tree), as_json(tree, random)}) {
      for (int j = 0; j < 60; ++j) {
        std::string broken = text;
        for (std::size_t k = 1 + below(3); k > 0; --k) {
          const std::size_t at = below(broken.size());
          switch (below(4)) {
            case 0:
              broken[at] = static_cast<char>(below(256));
              break;
            case 1:
              broken.erase(at, 1 + below(8));
              break;
            case 2:
              broken.insert(at, 1, "<>&/\"'{}[]\\!-?="[below(15)]);
              break;
            default:
              broken.insert(at, text.substr(below(text.size()), below(40)));
          }
        }
        expect_sane(broken);
      }
    }
  }
}

}  // namespace
}  // namespace vpn::document
