#include "console/completion.h"

#include <algorithm>
#include <string>
#include <vector>

#include "console/command.h"

namespace vpn::cli {
namespace {

std::vector<const Option*> options_of(const Command& command) {
  std::vector<const Option*> all;
  for (const Option& o : command.options) all.push_back(&o);
  for (const Option& o : common_options()) all.push_back(&o);
  return all;
}

std::string with_spaces(std::string_view list) {
  std::string words(list);
  std::replace(words.begin(), words.end(), ',', ' ');
  return words;
}

std::string command_names() {
  std::string names;
  for (const Command* c : commands()) names += (names.empty() ? "" : " ") + std::string(c->name);
  return names;
}

/// For a shell's single quotes.
std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string bash_single() {
  const std::string name(program().name);
  std::string text = "# bash completion for " + name + "\n_" + name + "() {\n  local word=${COMP_WORDS[COMP_CWORD]}\n" +
                     "  COMPREPLY=()\n  if [[ $word == -* ]]; then\n    mapfile -t COMPREPLY < <(compgen -W '";
  for (const Option* o : options_of(*commands().front())) text += "--" + std::string(o->name) + " ";
  text.back() = '\'';
  return text + " -- \"$word\")\n  else\n    compopt -o filenames 2>/dev/null\n" +
         "    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n  fi\n}\ncomplete -F _" + name + " " + name + "\n";
}

std::string bash() {
  const std::string name(program().name);
  if (program().single) return bash_single();
  std::string text = "# bash completion for " + name +
                     "\n"
                     "_" +
                     name +
                     "() {\n"
                     "  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} options=\n"
                     "  COMPREPLY=()\n"
                     "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                     "    mapfile -t COMPREPLY < <(compgen -W '" +
                     command_names() +
                     " --help --version' -- \"$word\")\n"
                     "    return\n"
                     "  fi\n"
                     "  case ${COMP_WORDS[1]}:$previous in\n";
  for (const Command* c : commands()) {
    for (const Option* o : options_of(*c)) {
      if (o->argument.empty()) continue;
      text += "    " + std::string(c->name) + ":--" + std::string(o->name);
      if (o->letter != 0) text += "|" + std::string(c->name) + ":-" + o->letter;
      if (!o->offers.empty()) {
        text +=
            ") compopt -o filenames 2>/dev/null; local before=; [[ $word == *,* ]] && before=${word%,*},\n"
            "      mapfile -t COMPREPLY < <(compgen -P \"$before\" -W '" +
            with_spaces(o->offers) + "' -- \"${word##*,}\"; compgen -f -- \"$word\"); return ;;\n";
      } else if (o->choices.empty()) {
        text += ") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;\n";
      } else if (o->list) {
        text +=
            ") local before=; [[ $word == *,* ]] && before=${word%,*},\n"
            "      mapfile -t COMPREPLY < <(compgen -P \"$before\" -W '" +
            with_spaces(o->choices) + "' -- \"${word##*,}\"); return ;;\n";
      } else {
        text += ") mapfile -t COMPREPLY < <(compgen -W '" + with_spaces(o->choices) + "' -- \"$word\"); return ;;\n";
      }
    }
  }
  text += "  esac\n  case ${COMP_WORDS[1]} in\n";
  for (const Command* c : commands()) {
    text += "    " + std::string(c->name) + ") options='";
    for (const Option* o : options_of(*c)) text += "--" + std::string(o->name) + " ";
    text.back() = '\'';
    text += " ;;\n";
  }
  return text +
         "  esac\n"
         "  if [[ $word == -* ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
         "  else\n"
         "    compopt -o filenames 2>/dev/null\n"
         "    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
         "  fi\n"
         "}\n"
         "complete -F _" +
         name + " " + name + "\n";
}

/// For a description inside an _arguments specification.
std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_option(const Option& o) {
  std::string text = "        ";
  if (o.repeated) text += "\\*";
  std::string spec = "--" + std::string(o.name) + "[" + zsh_text(o.help) + "]";
  if (!o.argument.empty()) {
    spec += ":" + zsh_text(o.argument) + ":";
    if (!o.offers.empty()) {
      spec += "{compadd " + with_spaces(o.offers) + "; _files}";
    } else if (o.choices.empty()) {
      spec += "_files";
    } else if (o.list) {
      spec += "_values -s , " + zsh_text(o.argument) + " " + with_spaces(o.choices);
    } else {
      spec += "(" + with_spaces(o.choices) + ")";
    }
  }
  return text + quoted(spec) + " \\\n";
}

std::string zsh() {
  const std::string name(program().name);
  if (program().single) {
    std::string text = "#compdef " + name + "\n_arguments \\\n";
    for (const Option* o : options_of(*commands().front())) text += zsh_option(*o);
    return text + "        '*:file:_files'\n";
  }
  std::string text = "#compdef " + name + "\n_" + name + "() {\n  local -a commands=(\n";
  for (const Command* c : commands()) text += "    " + quoted(std::string(c->name) + ":" + zsh_text(c->summary)) + "\n";
  text +=
      "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
      "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const Command* c : commands()) {
    text += "    " + std::string(c->name) + ")\n      _arguments \\\n";
    for (const Option* o : options_of(*c)) text += zsh_option(*o);
    text += "        '*:file:_files' ;;\n";
  }
  return text + "  esac\n}\n_" + name + " \"$@\"\n";
}

std::string fish_option(const std::string& complete, const Option& o) {
  std::string text = complete + " -l " + std::string(o.name);
  if (o.letter != 0) text += std::string(" -s ") + o.letter;
  if (!o.argument.empty()) text += o.choices.empty() ? " -r -F" : " -x -a '" + with_spaces(o.choices) + "'";
  if (!o.offers.empty()) text += " -a '" + with_spaces(o.offers) + "'";
  return text + " -d " + quoted(o.help) + "\n";
}

std::string fish() {
  const std::string name(program().name);
  const std::string complete = "complete -c " + name;
  std::string text = "# fish completion for " + name + "\n";
  if (program().single) {
    for (const Option* o : options_of(*commands().front())) text += fish_option(complete, *o);
    return text;
  }
  text += complete + " -n __fish_use_subcommand -f\n";
  for (const Command* c : commands())
    text += complete + " -n __fish_use_subcommand -a " + std::string(c->name) + " -d " + quoted(c->summary) + "\n";
  for (const Command* c : commands()) {
    for (const Option* o : options_of(*c))
      text += fish_option(complete + " -n '__fish_seen_subcommand_from " + std::string(c->name) + "'", *o);
  }
  return text;
}

}  // namespace

std::string completion(std::string_view shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return zsh();
  if (shell == "fish") return fish();
  return {};
}

}  // namespace vpn::cli
