# Read by every C library that Cargo builds with CMake (libheif, libjpeg-turbo).
#
# libheif's crate enables each codec that it finds on the machine, including encoders. Albumen only decodes,
# and its binary must not depend on other installed packages, so the search for all other codecs is
# disabled. libde265 (HEVC) and dav1d (AV1) remain.
foreach(unwanted
        X265 X264 kvazaar UVG266 vvdec vvenc OpenH264 AOM SvtEnc RAV1E JPEG OpenJPEG FFMPEG OPENJPH
        libsharpyuv Doxygen)
  set(CMAKE_DISABLE_FIND_PACKAGE_${unwanted} TRUE)
endforeach()

# A cross build for arm64: Cargo sets TARGET for build scripts.
if("$ENV{TARGET}" STREQUAL "aarch64-unknown-linux-gnu" AND NOT "$ENV{HOST}" STREQUAL "$ENV{TARGET}")
  set(CMAKE_SYSTEM_NAME Linux)
  set(CMAKE_SYSTEM_PROCESSOR aarch64)
  set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
  set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
endif()
