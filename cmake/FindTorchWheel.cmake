# FindTorchWheel: LibTorch from a pip wheel, or from an unpacked official LibTorch, without the CUDA language or nvcc.
#
# Inputs  TORCH_ROOT        .../site-packages/torch or an unpacked libtorch folder
#         TUTTI_PYTHON      an interpreter whose site-packages hold torch (used when TORCH_ROOT is empty)
#         CMAKE_PREFIX_PATH an unpacked libtorch folder works too
# Targets torchwheel::cpu   c10 and torch_cpu
#         torchwheel::cuda  c10_cuda and the CUDA run-time library; defined when their headers and libraries are there
#         torchwheel::nccl  NCCL; defined when nccl.h and libnccl.so.2 are there
#
# torch_cuda itself is not linked: it costs 0.1 s and 370 MB at start-up on a machine without a GPU, and needs every
# CUDA library to load. train/device.cpp opens it at run time when a CUDA device is asked for.

if(NOT TORCH_ROOT)
  find_path(TORCHWHEEL_PREFIX NAMES include/torch/csrc/api/include/torch/torch.h PATHS ${CMAKE_PREFIX_PATH} PATH_SUFFIXES torch libtorch NO_DEFAULT_PATH)
  if(TORCHWHEEL_PREFIX)
    set(TORCH_ROOT "${TORCHWHEEL_PREFIX}" CACHE PATH "torch package or libtorch folder" FORCE)
  else()
    if(NOT TUTTI_PYTHON)
      find_program(TUTTI_PYTHON NAMES python3 HINTS ENV VIRTUAL_ENV PATH_SUFFIXES bin)
    endif()
    execute_process(
      COMMAND "${TUTTI_PYTHON}" -c "import importlib.util as u,os;s=u.find_spec('torch');print(os.path.dirname(s.origin) if s else '')"
      OUTPUT_VARIABLE _root OUTPUT_STRIP_TRAILING_WHITESPACE)
    set(TORCH_ROOT "${_root}" CACHE PATH "torch package or libtorch folder" FORCE)
  endif()
endif()

find_path(TORCHWHEEL_INCLUDE_DIR NAMES torch/csrc/api/include/torch/torch.h PATHS "${TORCH_ROOT}/include" NO_DEFAULT_PATH)
foreach(_lib c10 torch_cpu c10_cuda torch_cuda)
  find_library(TORCHWHEEL_${_lib} NAMES ${_lib} PATHS "${TORCH_ROOT}/lib" NO_DEFAULT_PATH)
endforeach()
file(GLOB TORCHWHEEL_LINKDIRS LIST_DIRECTORIES true "${TORCH_ROOT}/../nvidia/*/lib")
find_file(TORCHWHEEL_CUDART NAMES libcudart.so.13 libcudart.so.12 PATHS ${TORCHWHEEL_LINKDIRS} "${TORCH_ROOT}/lib" NO_DEFAULT_PATH)
find_path(TORCHWHEEL_CUDA_INCLUDE_DIR NAMES cuda_runtime_api.h
  PATHS "${TORCH_ROOT}/../nvidia/cu13/include" ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES include NO_DEFAULT_PATH)
find_path(TORCHWHEEL_NCCL_INCLUDE_DIR NAMES nccl.h PATHS "${TORCH_ROOT}/../nvidia/nccl/include" NO_DEFAULT_PATH)
find_file(TORCHWHEEL_NCCL_LIBRARY NAMES libnccl.so.2 PATHS "${TORCH_ROOT}/../nvidia/nccl/lib" NO_DEFAULT_PATH)

set(TorchWheel_VERSION "")
foreach(_file version.py build-version)
  if(NOT TorchWheel_VERSION AND EXISTS "${TORCH_ROOT}/${_file}")
    file(READ "${TORCH_ROOT}/${_file}" _text)
    string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" TorchWheel_VERSION "${_text}")
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(TorchWheel
  REQUIRED_VARS TORCHWHEEL_torch_cpu TORCHWHEEL_c10 TORCHWHEEL_INCLUDE_DIR VERSION_VAR TorchWheel_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup, or pass -DTORCH_ROOT=<site-packages>/torch or -DCMAKE_PREFIX_PATH=<libtorch>")

if(TorchWheel_FOUND AND NOT TARGET torchwheel::cpu)
  find_package(Threads REQUIRED)
  add_library(torchwheel::c10 SHARED IMPORTED)
  set_target_properties(torchwheel::c10 PROPERTIES IMPORTED_LOCATION "${TORCHWHEEL_c10}")
  add_library(torchwheel::cpu SHARED IMPORTED)
  set_target_properties(torchwheel::cpu PROPERTIES
    IMPORTED_LOCATION "${TORCHWHEEL_torch_cpu}"
    INTERFACE_INCLUDE_DIRECTORIES "${TORCHWHEEL_INCLUDE_DIR};${TORCHWHEEL_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES "torchwheel::c10;Threads::Threads")
  # Indirect libraries (cupti, cudart): the linker needs to see them; at run time torch's own DT_RPATH finds them.
  foreach(_dir ${TORCHWHEEL_LINKDIRS} "${TORCH_ROOT}/lib")
    set_property(TARGET torchwheel::cpu APPEND PROPERTY INTERFACE_LINK_OPTIONS "LINKER:-rpath-link,${_dir}")
  endforeach()
  if(TORCHWHEEL_c10_cuda AND TORCHWHEEL_torch_cuda AND TORCHWHEEL_CUDART AND TORCHWHEEL_CUDA_INCLUDE_DIR)
    add_library(torchwheel::cudart SHARED IMPORTED)
    get_filename_component(_soname "${TORCHWHEEL_CUDART}" NAME)
    set_target_properties(torchwheel::cudart PROPERTIES IMPORTED_LOCATION "${TORCHWHEEL_CUDART}" IMPORTED_SONAME ${_soname})
    add_library(torchwheel::c10_cuda SHARED IMPORTED)
    set_target_properties(torchwheel::c10_cuda PROPERTIES IMPORTED_LOCATION "${TORCHWHEEL_c10_cuda}")
    add_library(torchwheel::cuda INTERFACE IMPORTED)
    target_include_directories(torchwheel::cuda INTERFACE "${TORCHWHEEL_CUDA_INCLUDE_DIR}")
    target_link_libraries(torchwheel::cuda INTERFACE torchwheel::c10_cuda torchwheel::cudart torchwheel::cpu)
  endif()
  if(TORCHWHEEL_NCCL_LIBRARY AND TORCHWHEEL_NCCL_INCLUDE_DIR)
    add_library(torchwheel::nccl SHARED IMPORTED)
    set_target_properties(torchwheel::nccl PROPERTIES
      IMPORTED_LOCATION "${TORCHWHEEL_NCCL_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${TORCHWHEEL_NCCL_INCLUDE_DIR}")
  endif()
endif()
