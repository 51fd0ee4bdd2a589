// Open documents: their texts, when they are judged, what the client hears.
#include <algorithm>

#include "compiler/lsp/state.h"

namespace vpn::lsp {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_pause{2000};

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

/// What a document is called that is in no file.
std::string path_without_file(const std::string& root, const std::string& uri) {
  const std::string name = uri.substr(uri.rfind('/') + 1);
  const bool named = name.find(':') == std::string::npos && name.find('.') != std::string::npos;
  return (root.empty() ? "" : root + "/") + (named ? name : "untitled.mobileconfig");
}

}  // namespace

std::size_t Server::State::bytes_of_documents() const {
  std::size_t sum = 0;
  for (const auto& [uri, document] : documents_) sum += document.text.content().size();
  return sum;
}

OpenDocument* Server::State::find(const Json& params) {
  const auto found = documents_.find(text_of(member(params, {"textDocument", "uri"})));
  return found == documents_.end() ? nullptr : &found->second;
}

void Server::State::open(const Json& params, Clock::time_point now) {
  const Json& item = member(params, {"textDocument"});
  const std::string uri = text_of(member(item, {"uri"}));
  if (uri.empty() || (documents_.size() >= most_documents && documents_.count(uri) == 0)) return;
  OpenDocument& document = documents_[uri];
  document = {};
  document.uri = uri;
  document.path = file_path(uri);
  if (document.path.empty()) document.path = path_without_file(root_, uri);
  const Json& version = member(item, {"version"});
  document.version = version.is_number_integer() ? version.get<std::int64_t>() : 0;
  std::string text = text_of(member(item, {"text"}));
  document.lost = text.size() > largest_document || bytes_of_documents() + text.size() > most_document_bytes;
  document.text = Text(document.lost ? std::string{} : std::move(text), client_.encoding);
  changed(document, now);
  judge_others(document, now);
}

void Server::State::change(const Json& params, Clock::time_point now) {
  OpenDocument* const document = find(params);
  const Json& changes = member(params, {"contentChanges"});
  if (document == nullptr || !changes.is_array()) return;
  const Json& version = member(params, {"textDocument", "version"});
  if (version.is_number_integer()) document->version = version.get<std::int64_t>();
  for (const Json& change : changes) {
    const Json& text = member(change, {"text"});
    if (!text.is_string()) continue;
    const std::string& put = text.get_ref<const std::string&>();
    const auto range = range_of(member(change, {"range"}));
    const std::size_t before = range ? document->text.content().size() : 0;
    if (range && document->lost) continue;
    document->lost = before + put.size() > largest_document ||
                     bytes_of_documents() - document->text.content().size() + before + put.size() > most_document_bytes;
    document->outline.reset();  // it looks into the text
    if (document->lost) {
      document->text = Text({}, client_.encoding);
    } else if (range) {
      document->text.replace(*range, put);
    } else {
      document->text = Text(put, client_.encoding);
    }
  }
  // The slower the last time, the longer the pause: who types does not wait.
  const Clock::duration pause = std::min<Clock::duration>(
      std::max<Clock::duration>(options_.pause, document->last_cost * 2), std::max(longest_pause, options_.pause));
  changed(*document, now + pause);
  judge_others(*document, now + pause);
}

void Server::State::save(const Json& params, Clock::time_point now) {
  OpenDocument* const document = find(params);
  if (document == nullptr) return;
  changed(*document, now);
  judge_others(*document, now);
}

void Server::State::close(const Json& params, Clock::time_point now) {
  OpenDocument* const document = find(params);
  if (document == nullptr) return;
  notify("textDocument/publishDiagnostics", {{"uri", document->uri}, {"diagnostics", Json::array()}});
  judge_others(*document, now);
  documents_.erase(document->uri);
}

void Server::State::changed(OpenDocument& document, Clock::time_point due) {
  document.outline.reset();
  document.concerns.reset();
  document.judged = document.unpublished = false;
  document.is_due = true;
  document.due = due;
}

/// Declarations of a folder refer to each other.
void Server::State::judge_others(const OpenDocument& document, Clock::time_point due) {
  if (!is_json_text(document.text.content())) return;
  for (auto& [uri, other] : documents_)
    if (&other != &document && is_json_text(other.text.content()) && folder_of(other.path) == folder_of(document.path))
      changed(other, std::max(due, other.is_due ? other.due : due));
}

void Server::State::judge_all(Clock::time_point now) {
  for (auto& [uri, document] : documents_) changed(document, now);
}

bool Server::State::is_judgeable(OpenDocument& document) {
  if (document.lost || !unreadable_kind(document.text.content()).empty()) return false;
  if (!document.concerns) document.concerns = linter_.concerns(request(document));
  return *document.concerns;
}

Request Server::State::request(const OpenDocument& document) {
  open_texts_.clear();
  for (const auto& [uri, d] : documents_)
    if (!d.lost) open_texts_.emplace(d.path, d.text.content());
  return {document.path, document.text.content(), &open_texts_, &settings_};
}

void Server::State::judge(OpenDocument& document) {
  const Clock::time_point begin = Clock::now();
  document.outcome = is_judgeable(document) ? linter_.lint(request(document)) : Outcome{};
  document.last_cost = Clock::now() - begin;
  document.judged = document.unpublished = true;
  document.is_due = false;
}

bool Server::State::judge_one(Clock::time_point now) {
  for (auto& [uri, document] : documents_) {
    if (!document.is_due || document.due > now) continue;
    judge(document);
    return true;
  }
  return false;
}

bool Server::State::publish_one() {
  for (auto& [uri, document] : documents_) {
    if (!document.unpublished) continue;
    document.unpublished = false;
    notify("textDocument/publishDiagnostics", diagnostics(view(document)));
    return true;
  }
  return false;
}

View Server::State::view(OpenDocument& document) {
  if (document.outline == nullptr) document.outline = std::make_unique<Outline>(document.text.content());
  return {document, *document.outline, client_, options_.documentation};
}

/// References of a declaration lead to others of its folder.
std::vector<Target> Server::State::other_targets(const OpenDocument& document) const {
  std::vector<Target> out;
  for (std::size_t i = 1; i < document.outcome.documents.size(); ++i) {
    if (document.outcome.documents[i] == nullptr) continue;
    const Outline outline(document.outcome.documents[i]->source().text());
    for (Target& target : targets(outline)) out.push_back(std::move(target));
  }
  return out;
}

Json Server::State::code_action_answer(OpenDocument& document, const Json& params) {
  if (!document.judged) judge(document);
  std::optional<std::string> mended;
  const auto own = own_findings(document);
  if (std::any_of(own.begin(), own.end(), [](const findings::Finding* f) { return !f->edits.empty(); }))
    mended = linter_.mend(request(document));
  return code_actions(view(document), params, mended ? &*mended : nullptr);
}

}  // namespace vpn::lsp
