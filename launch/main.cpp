#include "tutti/launch/command.hpp"

int main(int argc, char** argv) { return tutti::run_program({argv + 1, argv + argc}); }
