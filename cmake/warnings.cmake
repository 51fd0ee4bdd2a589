# Warnings as errors for our own code, sanitizers and coverage for everything we compile.
add_library(vpn_options INTERFACE)
target_compile_options(vpn_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-align -Woverloaded-virtual -Wdouble-promotion -Wformat=2 -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(vpn_options INTERFACE -Wduplicated-cond -Wlogical-op -Wshadow=local)
  # GCC 12 warns of overlapping copies in every "literal" + std::string (its bug 105651).
  target_compile_options(vpn_options INTERFACE -Wno-restrict)
  # Its bounds warnings see impossible sizes in inlined library code once it optimises; ASan and clang look there instead.
  target_compile_options(vpn_options INTERFACE -Wno-array-bounds -Wno-stringop-overread -Wno-stringop-overflow)
  if(VPN_UNITY)
    # To GCC a source that is included is a header, in which local types are a fault.
    target_compile_options(vpn_options INTERFACE -Wno-subobject-linkage)
  endif()
else()
  target_compile_options(vpn_options INTERFACE -Wnull-dereference)
  # Sources that are compiled together see each other's local names; a build of each alone judges them.
  if(NOT VPN_UNITY)
    target_compile_options(vpn_options INTERFACE -Wshadow)
  endif()
endif()
target_include_directories(vpn_options INTERFACE ${PROJECT_SOURCE_DIR})
add_compile_options(-fstack-protector-strong -fno-plt)
add_compile_definitions($<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
if(VPN_SANITIZE)
  # Instrumented code brings warnings of its own; release, debug and clang builds judge the sources.
  target_compile_options(vpn_options INTERFACE -Wno-error)
  add_compile_options(-fsanitize=${VPN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -U_FORTIFY_SOURCE)
  add_link_options(-fsanitize=${VPN_SANITIZE})
endif()
if(VPN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(VPN_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
