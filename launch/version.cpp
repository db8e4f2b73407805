#include "tutti/launch/version.hpp"

namespace tutti {

std::string tutti_version() { return TUTTI_VERSION; }
std::string torch_version() { return TUTTI_TORCH_VERSION; }
std::string accelerators() { return TUTTI_ACCELERATORS; }
std::string build_description() { return "g++ " __VERSION__; }

}  // namespace tutti
