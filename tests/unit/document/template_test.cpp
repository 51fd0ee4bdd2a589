// Templates: recognised in every file, read around with --template.
#include "compiler/document/template.h"

#include "reading.h"

namespace vpn::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

ReadOptions reading_around() {
  ReadOptions options;
  options.template_mode = true;
  return options;
}

std::string placeholder_in(std::string_view text) {
  const auto p = find_placeholder(text, 0, text.size());
  return p ? std::string(text.substr(p->begin, p->end - p->begin)) : "";
}

TEST(Placeholder, EveryStyleIsKnown) {
  EXPECT_EQ(placeholder_in("vpn.{{ domain }}.example"), "{{ domain }}");
  EXPECT_EQ(placeholder_in("{% if a %}"), "{% if a %}");
  EXPECT_EQ(placeholder_in("{# note #}"), "{# note #}");
  EXPECT_EQ(placeholder_in("a ${HOST}."), "${HOST}");
  EXPECT_EQ(placeholder_in("$USERNAME@example.com"), "$USERNAME");
  EXPECT_EQ(placeholder_in("%HardwareUUID%"), "%HardwareUUID%");
  EXPECT_EQ(placeholder_in("x@@SECRET@@y"), "@@SECRET@@");
}

TEST(Placeholder, OrdinaryTextIsNone) {
  for (const char* text : {"pa$$WORD", "pa$WORD", "$a", "$1", "US$ 5", "50% or 60%", "a%20b%20c", "%41%42",
                           "me@example.com", "@@", "{a}", "{ {a} }", "{{ never closed", "{\"a\":{\"b\":{}}}", "$A"})
    EXPECT_EQ(placeholder_in(text), "") << text;
}

TEST(Placeholder, IsFoundWhereverItBegins) {
  for (std::size_t before = 0; before < 40; ++before) {
    const std::string text = std::string(before, 'x') + "%A_B%" + std::string(before, 'y');
    const auto p = find_placeholder(text, 0, text.size());
    ASSERT_TRUE(p) << before;
    EXPECT_EQ(p->begin, before);
    EXPECT_EQ(p->end, before + 5);
    EXPECT_FALSE(find_placeholder(text, 0, before)) << before;
    EXPECT_FALSE(find_placeholder(text, 0, before + 1, 3)) << before;
    EXPECT_TRUE(find_placeholder(text, 0, before + 1, 4)) << before;
    EXPECT_FALSE(find_placeholder(text, before + 1, text.size())) << before;
  }
}

TEST(Template, PlaceholdersInStringsAreANote) {
  const Reading r =
      read_plist("<dict><key>A</key><string>vpn.{{ d }}</string><key>B</key><string>$USER</string></dict>");
  EXPECT_THAT(
      r.findings(),
      ElementsAre(
          "VP1070 3:31 '{{ d }}' this file is a template: '{{ d }}' stands for a value that is not known here"));
  EXPECT_EQ(r.tree(), "{A: ?\"vpn.{{ d }}\", B: ?\"$USER\"}");
  EXPECT_TRUE(r.document->is_template);
}

struct Case {
  const char* name;
  const char* body;
  const char* placeholder;  ///< where the error without --template stands
  const char* tree;         ///< what --template reads
};

class XmlTemplate : public testing::TestWithParam<Case> {};

TEST_P(XmlTemplate, WithoutTheOptionIsOneError) {
  const Reading r = read_plist(GetParam().body);
  EXPECT_THAT(r.findings(),
              ElementsAre(StartsWith("VP1071 " + std::string(GetParam().placeholder) + " this file is a template")));
  EXPECT_EQ(r.document, nullptr);
}

TEST_P(XmlTemplate, WithTheOptionIsReadAround) {
  const Reading r = read_plist(GetParam().body, reading_around());
  EXPECT_THAT(r.findings(), ElementsAre(StartsWith("VP1070 ")));
  EXPECT_EQ(r.tree(), GetParam().tree);
}

const Case cases[] = {
    {"Integer", "<dict><key>A</key><integer>{{ n }}</integer></dict>", "3:28 '{{ n }}'", "{A: ?0}"},
    {"Data", "<dict><key>A</key><data>@@CERT@@</data></dict>", "3:25 '@@CERT@@'", "{A: ?<>}"},
    {"Date", "<dict><key>A</key><date>%NOW_UTC%</date></dict>", "3:25 '%NOW_UTC%'", "{A: ?}"},
    {"Statements", "<dict>\n{% if a %}\n<key>A</key><true/>\n{% endif %}\n</dict>", "4:1 '{% if a %}'", "{A: true}"},
    {"Branches", "<dict><key>A</key>{% if a %}<true/>{% else %}<string>x</string>{% endif %}</dict>",
     "3:19 '{% if a %}'", "{A: true}"},
    {"NestedBranches",
     "<dict>{% if a %}{% if b %}<key>A</key><true/>{% else %}<key>B</key><true/>{% endif %}{% elif c %}<key>C</key>{% "
     "else %}"
     "<key>D</key>{% endif %}<key>E</key><true/></dict>",
     "3:7 '{% if a %}'", "{A: true, E: true}"},
    {"Loop", "<array>{% for d in domains %}<string>{{ d }}</string>{% endfor %}</array>",
     "3:8 '{% for d in domains %}'", "none"},
    {"Mustache", "<dict>{{#each x}}<key>A</key><true/>{{/each}}</dict>", "3:7 '{{#each x}}'", "{A: true}"},
    {"GoTemplate", "<dict>{{- if .A }}<key>A</key><true/>{{ else }}<key>B</key><true/>{{ end -}}</dict>",
     "3:7 '{{- if .A }}'", "{A: true}"},
    {"SeparateBranches", "<dict><key>A</key>{% if a %}<true/>{% endif %}{% if b %}<false/>{% endif %}</dict>",
     "3:19 '{% if a %}'", "{A: true}"},
    {"ElementName", "<dict><key>A</key><{{ 'true' if a else 'false' }}/></dict>",
     "3:20 '{{ 'true' if a else 'false' }}'", "{A: ?false}"},
    {"WholeValue", "<dict><key>A</key>{{ value }}<key>B</key><true/></dict>", "3:19 '{{ value }}'",
     "{A: ?null, B: true}"},
    {"WholeLastValue", "<dict><key>A</key>$VALUE</dict>", "3:19 '$VALUE'", "{A: ?null}"},
    {"MarkupInside", "<dict><key>A</key><string>{{ a && b < c }}</string></dict>", "3:27 '{{ a && b < c }}'",
     "{A: ?\"{{ a __ b _ c }}\"}"},
    {"MarkupInStatement", "<dict>{% if a < 3 && b %}<key>A</key><true/>{% endif %}</dict>", "3:7 '{% if a < 3 && b %}'",
     "{A: true}"},
};

std::vector<Case> dictionaries() {
  std::vector<Case> out;
  for (const Case& c : cases)
    if (std::string_view(c.tree) != "none") out.push_back(c);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Cases, XmlTemplate, testing::ValuesIn(dictionaries()),
                         [](const auto& c) { return c.param.name; });

TEST(Template, PlacesStayThoseOfTheFile) {
  const Reading r =
      read_plist("<dict>\n{% if a %}\n<key>A</key><integer>x</integer>\n{% endif %}\n</dict>", reading_around());
  EXPECT_THAT(r.findings(), testing::Contains("VP1030 5:13 '<integer>x</integer>' 'x' is no integer [A]"));
}

TEST(Template, AHoleInAContainerIsRemembered) {
  const Reading r = read_plist(
      "<dict><key>A</key><array>{{ items }}</array><key>B</key><array>{% if a %}<true/>{% endif %}</array></dict>",
      reading_around());
  EXPECT_TRUE(r.at("A")->placeholder);
  EXPECT_FALSE(r.at("B")->placeholder);
  EXPECT_FALSE(r.document->root().placeholder);
}

TEST(Template, MayBeginWithAStatement) {
  const std::string text = "{% set a = 1 %}\n" + plist("<dict/>");
  EXPECT_THAT(read_text(text).findings(), ElementsAre(StartsWith("VP1071 1:1 '{% set a = 1 %}'")));
  EXPECT_EQ(read_text(text, reading_around()).tree(), "{}");
}

TEST(Template, FaultsElsewhereAreTheirOwn) {
  EXPECT_THAT(read_plist("<dict><key>A</key><string>{{ x }}</string>\n<key>B</key></dict>").findings(),
              ElementsAre(StartsWith("VP1021 4:1")));
}

TEST(Template, CommentsMayHavePlaceholders) {
  EXPECT_THAT(read_plist("<dict><!-- {{ x }} --></dict>").findings(), IsEmpty());
}

TEST(JsonTemplate, IsReadAround) {
  const std::string text =
      "{\"A\": \"{{ x }}\", \"B\": {{ port }}, {% if c %}\"C\": \"{{ f(\"a\") }}\",{% else %}\"D\": 1,{% endif "
      "%}\n\"E\": [{% for i in l "
      "%}{{ i }},{% endfor %}],}";
  EXPECT_THAT(read_text(text).findings(), ElementsAre(StartsWith("VP1071 1:23 '{{ port }}'")));
  const Reading r = read_text(text, reading_around());
  EXPECT_THAT(r.findings(), ElementsAre(StartsWith("VP1070 1:8 '{{ x }}'")));
  EXPECT_EQ(r.tree(), "{A: ?\"{{ x }}\", B: ?null, C: ?\"{{ f(_a_) }}\", E: [?null]}");
}

TEST(JsonTemplate, PlaceholdersInStringsAreANote) {
  const Reading r = read_text("{\"A\": \"${HOST}\"}");
  EXPECT_THAT(r.findings(), ElementsAre(StartsWith("VP1070 1:8 '${HOST}'")));
  EXPECT_EQ(r.tree(), "{A: ?\"${HOST}\"}");
}

}  // namespace
}  // namespace vpn::document
