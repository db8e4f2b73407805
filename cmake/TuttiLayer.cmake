# tutti_layer(NAME FOLDER <folder> [SOURCES ...] [HEADERS ...] [NEEDS <layers below>] [LIBS <libraries>])
#
# One static library a layer. Two rules of docs/design.md are held here, by the compiler and not by review:
# - A layer sees only its own headers and those of the layers that it NEEDS: each layer exposes one include root,
#   build/inc/<folder>/tutti/<folder>, a link to its source folder. An upward include is a missing file.
# - Registrars survive: a layer is always linked whole, or the linker would drop an object file that nobody names.
function(tutti_layer name)
  cmake_parse_arguments(arg "" "FOLDER" "SOURCES;HEADERS;NEEDS;LIBS" ${ARGN})
  set(target tutti_${name})
  set(root ${CMAKE_BINARY_DIR}/inc/${arg_FOLDER})
  file(MAKE_DIRECTORY ${root}/tutti)
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${arg_FOLDER} ${root}/tutti/${arg_FOLDER} SYMBOLIC)
  if(NOT arg_SOURCES)
    file(WRITE ${CMAKE_BINARY_DIR}/empty.cpp "")
    set(arg_SOURCES ${CMAKE_BINARY_DIR}/empty.cpp)
  endif()
  add_library(${target} STATIC ${arg_SOURCES})
  # The header set also gives the target all_verify_interface_header_sets: each header compiles on its own.
  list(TRANSFORM arg_HEADERS REPLACE "^${CMAKE_SOURCE_DIR}/" "${root}/tutti/")
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${root} FILES ${arg_HEADERS})
  target_link_libraries(${target} PRIVATE tutti_warnings PUBLIC ${arg_LIBS})
  foreach(need ${arg_NEEDS})
    target_link_libraries(${target} PUBLIC "$<LINK_LIBRARY:WHOLE_ARCHIVE,tutti_${need}>")
  endforeach()
endfunction()

# tutti_test(NAME SOURCES ... NEEDS <layers> [LIBS ...]): one GoogleTest program, its cases known to ctest.
function(tutti_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;NEEDS;LIBS" ${ARGN})
  if(NOT arg_SOURCES)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
  target_link_libraries(${name} PRIVATE tutti_warnings GTest::gtest GTest::gmock ${arg_LIBS})
  target_compile_definitions(${name} PRIVATE TUTTI_SOURCE_DIR="${CMAKE_SOURCE_DIR}" TUTTI_BINARY_DIR="${CMAKE_BINARY_DIR}")
  foreach(need ${arg_NEEDS})
    target_link_libraries(${name} PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,tutti_${need}>")
  endforeach()
endfunction()
