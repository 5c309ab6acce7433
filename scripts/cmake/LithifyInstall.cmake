# The installed package: find_package(lithify) gives lithify::lithify.
#
# Two header sets, as components: `development` has the plain C++20 headers, `device` the *.cuh, for passes
# of one's own, which need nvcc or Thrust and promise less from version to version.

include(CMakePackageConfigHelpers)

set(LITHIFY_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/lithify")

get_property(include_roots GLOBAL PROPERTY LITHIFY_INCLUDE_ROOTS)
foreach(root IN LISTS include_roots)
  install(DIRECTORY "${root}/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development
          FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
  install(DIRECTORY "${root}/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT device
          FILES_MATCHING PATTERN "*.cuh")
endforeach()

install(TARGETS lithify EXPORT lithify-targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
if(TARGET lithify_cli)
  install(TARGETS lithify_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT runtime)
endif()
install(EXPORT lithify-targets NAMESPACE lithify:: DESTINATION "${LITHIFY_CMAKE_DIR}" COMPONENT development)

# The config looks for exactly what the static library is linked from; it learns it from this list.
get_property(LITHIFY_LINKED GLOBAL PROPERTY LITHIFY_LIBRARIES)
list(REMOVE_DUPLICATES LITHIFY_LINKED)
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/scripts/cmake/lithify-config.cmake.in" "${CMAKE_BINARY_DIR}/lithify-config.cmake"
  INSTALL_DESTINATION "${LITHIFY_CMAKE_DIR}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/lithify-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/lithify-config.cmake" "${CMAKE_BINARY_DIR}/lithify-config-version.cmake"
        DESTINATION "${LITHIFY_CMAKE_DIR}" COMPONENT development)
