#include "tutti/data/error.hpp"
#include "tutti/launch/command.hpp"
#include "tutti/launch/version.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <sstream>

namespace po = boost::program_options;

namespace tutti {

namespace {

constexpr std::size_t kLongestLine = 399;
constexpr const char* kExitCodes =
    "  0 ok   3 some members failed   4 too few members left   64 usage   65 bad data\n"
    "  70 internal   74 input/output   75 try again (in use, interrupted)   78 bad config\n";

std::string program_help() {
  std::string out =
      "usage: tutti COMMAND [options]\n\n"
      "Trains an ensemble of language models for recommendation in one mpirun, learns fusion\n"
      "weights and exports a bundle.\n\ncommands:\n";
  for (const std::string& name : CommandRegistry::names()) {
    out += "  " + name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') +
           CommandRegistry::description(name) + "\n";
  }
  return out +
         "\n`tutti COMMAND --help` says more of one.\n\nexamples:\n"
         "  mpirun -n 4 tutti run configs/movielens-100k.toml\n"
         "  tutti plan configs/movielens-100k.toml --ranks 4\n"
         "  tutti score runs/movielens-100k/bundle --input pairs.csv\n\nexit codes:\n" +
         kExitCodes;
}

std::string command_help(const Command& command, const po::options_description& options) {
  const CommandHelp help = command.help();
  std::ostringstream out;
  out << "usage: tutti " << help.usage << "\n\n" << help.what << "\n\n" << options << "\n";
  if (!help.examples.empty()) out << "examples:\n" << help.examples << "\n";
  out << "exit codes:\n" << help.exit_codes << kExitCodes;
  return out.str();
}

int run_command(const std::string& name, const std::vector<std::string>& arguments) {
  const std::vector<std::string> names = CommandRegistry::names();
  if (!CommandRegistry::has(name)) {
    const std::string near = nearest_name(name, names);
    throw Error(Code::Usage, "unknown command '" + name + "'",
                near.empty() ? "see tutti --help" : "did you mean '" + near + "'?");
  }
  const std::unique_ptr<Command> command = CommandRegistry::make(name);
  po::options_description options("options");
  po::positional_options_description positional;
  command->options(options, positional);
  options.add_options()("help,h", "print this");
  po::variables_map given;
  try {
    po::store(
        po::command_line_parser(arguments)
            .options(options)
            .positional(positional)
            .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
            .run(),
        given);
    if (given.count("help") != 0) {
      std::cout << command_help(*command, options);
      return 0;
    }
    po::notify(given);
  } catch (const po::error& error) {
    throw Error(Code::Usage, "tutti " + name + ": " + error.what(),
                "see tutti " + name + " --help");
  }
  return command->run(given);
}

int run_words(const std::vector<std::string>& words) {
  if (words.empty()) throw Error(Code::Usage, "no command", "see tutti --help");
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::cout << program_help();
    return 0;
  }
  const std::string name = words[0] == "--version" ? "version" : words[0];
  return run_command(name, {words.begin() + 1, words.end()});
}

}  // namespace

void Command::options(po::options_description& /*options*/,
                      po::positional_options_description& /*positional*/) const {}

Code code_of(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  return ours != nullptr ? ours->code() : Code::Internal;
}

void print_error(const std::string& text) {
  std::string line = "tutti: error: " + text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  if (line.size() > kLongestLine - 1) {
    line.resize(kLongestLine - 4);
    // Not in the middle of a character.
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0U) == 0x80U) {
      line.pop_back();
    }
    if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0xc0U) line.pop_back();
    line += "...";
  }
  line += "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int run_program(const std::vector<std::string>& arguments) {
  Code code = Code::Internal;
  std::string text;
  try {
    const int result = run_words(arguments);
    if (std::cout.flush()) return result;
    code = Code::Io;
    text = "writing to standard output failed";
  } catch (const Error& error) {
    code = error.code();
    text = error.what();
  } catch (const std::bad_alloc&) {
    text = "out of memory; lower batch_tokens, or set micro_batch_tokens";
  } catch (const std::exception& error) {
    text = std::string("unexpected: ") + error.what();
  }
  if (launched_rank() == 0) print_error(text);
  return static_cast<int>(code);
}

}  // namespace tutti
