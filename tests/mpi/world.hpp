#pragma once

#include "tutti/train/comm/mpi.hpp"

namespace tutti::test {

/// The one MpiWorld of this program; made by main.
MpiWorld& mpi_world();

}  // namespace tutti::test
