#include "agent/tunnel/interview.h"

#include <algorithm>
#include <utility>

namespace vpn::agent {
namespace {

// Rises from start to start, too: an answer to a question of an agent before is none.
std::uint64_t next_number() {
  static std::uint64_t last = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  last = std::max(last + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(milliseconds, 1)));
  return last;
}

}  // namespace

std::string_view to_string(Question::Kind kind) {
  switch (kind) {
    case Question::Kind::user:
      return "user";
    case Question::Kind::password:
      return "password";
    case Question::Kind::pin:
      return "pin";
    case Question::Kind::code:
      return "code";
    case Question::Kind::passphrase:
      return "passphrase";
  }
  return "password";
}

const WipedBytes* Interview::answer_to(const Question& question) {
  Kept& known = kept(question.kind);
  if (known.there) return &known.answer;
  const std::string prompt = question.prompt.substr(0, longest_prompt);
  if (open_ && open_->kind == question.kind && open_->prompt == prompt) return nullptr;
  open_ = Question{question.kind, prompt, question.echo, known.refused, next_number()};
  patience_ = loop_.after(patience, [this] {
    open_.reset();
    handlers_.unanswered();
  });
  return nullptr;
}

void Interview::refused(Question::Kind kind) {
  forget(kind);
  kept(kind).refused = true;
}

void Interview::forget(Question::Kind kind) { kept(kind) = Kept{}; }

void Interview::forget() {
  for (Kept& one : kept_) one = Kept{};
  open_.reset();
  patience_.reset();
  keep_.reset();
  soon_.reset();
}

bool Interview::answer(std::uint64_t number, WipedBytes answer) {
  if (!open_ || open_->number != number) return false;
  kept(open_->kind) = Kept{std::move(answer), true, false};
  open_.reset();
  patience_.reset();
  keep_ = loop_.after(keep, [this] {
    for (Kept& one : kept_) one = Kept{};
  });
  soon_ = loop_.after(std::chrono::milliseconds(0), [this] { handlers_.answered(); });
  return true;
}

std::string question_text(Question::Kind kind, std::string_view user, std::string_view tunnel) {
  std::string out = kind == Question::Kind::pin ? "PIN" : std::string(to_string(kind));
  if (!user.empty()) out.append(" of ").append(user);
  if (!tunnel.empty()) out.append(" for ").append(tunnel);
  return out;
}

}  // namespace vpn::agent
