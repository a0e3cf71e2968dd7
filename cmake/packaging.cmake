# What "make install" and "make package" put where. The manual page and completions come from the program itself.
include(GNUInstallDirs)

set(generated ${CMAKE_BINARY_DIR}/generated)
set(pages ${generated}/shore.1 ${generated}/shore.bash ${generated}/_shore ${generated}/shore.fish)
add_custom_command(OUTPUT ${pages}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
    COMMAND shore help --man > ${generated}/shore.1
    COMMAND shore completion bash > ${generated}/shore.bash
    COMMAND shore completion zsh > ${generated}/_shore
    COMMAND shore completion fish > ${generated}/shore.fish
    DEPENDS shore VERBATIM)
add_custom_target(shore_pages ALL DEPENDS ${pages})

install(TARGETS shore RUNTIME DESTINATION bin)
# The daemon under its own name: for ps, for people.
install(CODE "file(CREATE_LINK shore \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/bin/shored\" SYMBOLIC)")
install(FILES ${generated}/shore.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${generated}/shore.bash DESTINATION share/bash-completion/completions RENAME shore)
# Debian's zsh looks into vendor-completions below /usr only, and into site-functions below /usr/local only.
install(CODE "
    set(place vendor-completions)
    if(CMAKE_INSTALL_PREFIX STREQUAL /usr/local)
        set(place site-functions)
    endif()
    file(INSTALL ${generated}/_shore DESTINATION \${CMAKE_INSTALL_PREFIX}/share/zsh/\${place})
")
install(FILES ${generated}/shore.fish DESTINATION share/fish/vendor_completions.d)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/shore RENAME copyright)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/CHANGELOG.md DESTINATION share/doc/shore)
# The unit starts the program where it was installed.
install(CODE "
    file(READ ${CMAKE_SOURCE_DIR}/packaging/shored.service unit)
    string(REPLACE /usr/bin/shore \${CMAKE_INSTALL_PREFIX}/bin/shore unit \"\${unit}\")
    file(WRITE ${generated}/shored.service \"\${unit}\")
    file(INSTALL ${generated}/shored.service DESTINATION \${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME shore)
set(CPACK_PACKAGE_CONTACT "Shore developers <shore@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "runs web applications from Compose files, behind its own gateway")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_SOURCE_DIR}/build)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What x-shore.engine runs.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql-15, pgbouncer, redis-server, redis-sentinel")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/debian/postinst
    ${CMAKE_SOURCE_DIR}/packaging/debian/prerm ${CMAKE_SOURCE_DIR}/packaging/debian/postrm)
include(CPack)
