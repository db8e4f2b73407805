#include "tutti/launch/version.hpp"

#include "tutti/launch/command.hpp"

#include <iostream>

namespace tutti {
namespace {

class Version : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {"version", "Prints the versions of tutti and of what it was built with.", ""};
  }
  int run(const boost::program_options::variables_map& /*given*/) const override {
    std::cout << "tutti " << tutti_version() << "\nLibTorch " << torch_version() << "\nbuilt for "
              << accelerators() << "\ncompiler " << build_description() << "\n";
    return 0;
  }
};

const bool registered =
    CommandRegistry::add("version", "print versions", [] { return std::make_unique<Version>(); });

}  // namespace
}  // namespace tutti
