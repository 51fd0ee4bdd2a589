# The eBPF programs, compiled for the kernel that runs them (CO-RE), as skeletons for the loader.
find_program(VPN_BPF_CLANG NAMES clang clang-14 clang-15 clang-16 REQUIRED)
find_program(VPN_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)
pkg_check_modules(libbpf REQUIRED IMPORTED_TARGET libbpf>=1.0)
pkg_check_modules(libnftables REQUIRED IMPORTED_TARGET libnftables)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(VPN_BPF_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(VPN_BPF_ARCH arm64)
else()
  set(VPN_BPF_ARCH ${CMAKE_SYSTEM_PROCESSOR})
endif()
set(VPN_BPF_FLAGS -target bpf -mcpu=v3 -g -O2 -D__TARGET_ARCH_${VPN_BPF_ARCH} -I${PROJECT_SOURCE_DIR}
  -idirafter /usr/include/${CMAKE_CXX_LIBRARY_ARCHITECTURE} -Wall -Wextra -Werror -Wno-unused-function)

# vpn_bpf_skeleton(TARGET NAME SOURCE): the header NAME.skel.h of a .bpf.c, for who links TARGET.
function(vpn_bpf_skeleton target name source)
  set(folder ${PROJECT_BINARY_DIR}/bpf)
  file(MAKE_DIRECTORY ${folder})
  cmake_path(ABSOLUTE_PATH source OUTPUT_VARIABLE source)
  add_custom_command(OUTPUT ${folder}/${name}.bpf.o
    COMMAND ${VPN_BPF_CLANG} ${VPN_BPF_FLAGS} -MD -MF ${folder}/${name}.d -MT bpf/${name}.bpf.o -c ${source} -o ${folder}/${name}.bpf.o
    DEPENDS ${source} DEPFILE ${folder}/${name}.d COMMENT "Compiling ${name}.bpf.c for the kernel" VERBATIM)
  add_custom_command(OUTPUT ${folder}/${name}.skel.h
    COMMAND ${VPN_BPFTOOL} gen skeleton ${folder}/${name}.bpf.o name ${name} > ${folder}/${name}.skel.h
    DEPENDS ${folder}/${name}.bpf.o COMMENT "Making ${name}.skel.h")
  add_custom_target(${target}_skeleton DEPENDS ${folder}/${name}.skel.h)
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_skeleton)
  target_include_directories(${target} SYSTEM INTERFACE ${folder})
  target_link_libraries(${target} INTERFACE PkgConfig::libbpf)
endfunction()
