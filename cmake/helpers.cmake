# vpn_library(NAME DEPS...): a static library of all .cpp files of the current folder.
function(vpn_library name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PRIVATE vpn_options)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARGN})
endfunction()

# vpn_unit_test(NAME FOLDER DEPS...): one GoogleTest program of all .cpp files of tests/unit/FOLDER.
function(vpn_unit_test name folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE vpn_options ${ARGN} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE VPN_SOURCE_DIR="${PROJECT_SOURCE_DIR}" VPN_BINARY_DIR="${CMAKE_BINARY_DIR}")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "unit;${folder}" TIMEOUT 300)
endfunction()
