#pragma once

#include "tutti/data/registry.hpp"

#include <exception>
#include <string>
#include <vector>

namespace boost::program_options {
class options_description;
class positional_options_description;
class variables_map;
}  // namespace boost::program_options

namespace tutti {

struct CommandHelp {
  std::string usage;  ///< after "tutti": "plan CONFIG [options]"
  std::string what;   ///< paragraphs
  std::string examples;
  std::string exit_codes = "";  ///< those beside the common ones
};

/// One word of the program: `tutti WORD ...`. Registers itself from its own file in
/// launch/commands.
class Command {
 public:
  static constexpr const char* kKind = "command";
  virtual ~Command() = default;
  [[nodiscard]] virtual CommandHelp help() const = 0;
  /// Adds its options, and the names of its positional arguments.
  virtual void options(boost::program_options::options_description& options,
                       boost::program_options::positional_options_description& positional) const;
  /// The exit code. Throws Error.
  virtual int run(const boost::program_options::variables_map& given) const = 0;
};

using CommandRegistry = Registry<Command>;

/// Finds the command, parses its options, runs it; an Error becomes one line on stderr and its exit
/// code. All of main.
int run_program(const std::vector<std::string>& arguments);

/// This process's rank in the job, or 0 without one; known before MPI starts. Errors that every
/// rank meets are printed by rank 0 alone.
int launched_rank();
/// How many ranks the launcher started, or 0 when there is none.
int launched_ranks();
/// How many of them run on this host, at least 1.
int launched_local_ranks();

/// The exit code that an exception stands for: an Error's own, Internal for any other.
Code code_of(const std::exception& error);

/// Prints "tutti: error: ..." as one line of less than 400 bytes on stderr.
void print_error(const std::string& text);

}  // namespace tutti
