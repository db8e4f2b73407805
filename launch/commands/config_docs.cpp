#include "tutti/launch/command.hpp"
#include "tutti/launch/config.hpp"

#include <iostream>

namespace tutti {
namespace {

class ConfigDocs : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {"config-docs", "Prints docs/config.md: every key with type, default and range.",
            "  tutti config-docs > docs/config.md\n"};
  }
  int run(const boost::program_options::variables_map& /*given*/) const override {
    std::cout << config_docs();
    return 0;
  }
};

const bool registered = CommandRegistry::add("config-docs", "print the config reference",
                                             [] { return std::make_unique<ConfigDocs>(); });

}  // namespace
}  // namespace tutti
