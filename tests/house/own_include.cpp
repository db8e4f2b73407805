// Must compile with the include root of the data layer alone, so that upward_include.cpp fails for
// the right reason.
#include "tutti/data/dataset.hpp"
