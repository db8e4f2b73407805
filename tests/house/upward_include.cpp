// Must not compile with the include root of the data layer: see tests/CMakeLists.txt.
#include "tutti/train/communicator.hpp"
