# vpn_library(NAME DEPS...): a static library of all .cpp files of the current folder.
function(vpn_library name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${VPN_UNITY} UNITY_BUILD_BATCH_SIZE 12)
  target_link_libraries(${name} PRIVATE vpn_options)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARGN})
endfunction()

# vpn_alone(SOURCES...): never in one translation unit with others (VPN_UNITY), for their local names are the same.
function(vpn_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# vpn_program(NAME SOURCE DEPS...): a program for users, which starts quickly.
include(CheckLinkerFlag)
check_linker_flag(CXX -Wl,-z,pack-relative-relocs VPN_HAS_RELR)
function(vpn_program name source)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE vpn_options ${ARGN})
  target_link_options(${name} PRIVATE -Wl,--gc-sections $<$<BOOL:${VPN_HAS_RELR}>:-Wl,-z,pack-relative-relocs>)
  if(NOT VPN_SANITIZE)
    target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
endfunction()

# vpn_test_optimization(TARGET): as little of it as it takes, for tests are compiled more often than they run. None beside
# sanitizers, whose instructions GCC takes longest to optimise; what is tested keeps its own.
function(vpn_test_optimization target)
  if(VPN_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()

# vpn_unit_test(NAME FOLDER DEPS...): one GoogleTest program of all .cpp files of tests/unit/FOLDER.
function(vpn_unit_test name folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE vpn_options ${ARGN} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE VPN_SOURCE_DIR="${PROJECT_SOURCE_DIR}" VPN_BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_precompile_headers(${name} REUSE_FROM vpn_test_headers)
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  vpn_test_optimization(${name})
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "unit;${folder}" TIMEOUT 300)
endfunction()
