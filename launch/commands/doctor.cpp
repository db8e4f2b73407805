#include "tutti/launch/doctor.hpp"

#include "tutti/launch/command.hpp"

#include <boost/program_options.hpp>

namespace po = boost::program_options;

namespace tutti {
namespace {

class DoctorCommand : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {"doctor [--out DIR]",
            "Checks, in a few seconds and before anything is trained, what a run needs: ranks and\n"
            "hosts, network interfaces, MPI round trip and bandwidth, CUDA and NCCL, memory, disk\n"
            "space for the run folder and the cache that scripts/setup fills. Each check that\n"
            "fails says what to type. Start it as a run would be started.",
            "  tutti doctor\n  mpirun -n 4 tutti doctor\n",
            "  70 a check failed (overrides the meaning below)\n"};
  }

  void options(po::options_description& options,
               po::positional_options_description& /*positional*/) const override {
    options.add_options()("out", po::value<std::string>()->default_value("."),
                          "where run folders will be");
  }

  int run(const po::variables_map& given) const override {
    return run_doctor(given["out"].as<std::string>());
  }
};

const bool registered = CommandRegistry::add("doctor", "check this machine before a run",
                                             [] { return std::make_unique<DoctorCommand>(); });

}  // namespace
}  // namespace tutti
