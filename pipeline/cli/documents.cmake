# Writes completion scripts and, where there is SCDOC, manual pages below OUTPUT, from what PROGRAM and MANUAL print.
# Folders as they are installed: completions/, man1/, man7/.
set(ENV{ASAN_OPTIONS} detect_leaks=0) # that is for the tests to look at, not for a build to stop at
file(REMOVE_RECURSE ${OUTPUT})
file(MAKE_DIRECTORY ${OUTPUT}/completions ${OUTPUT}/scdoc ${OUTPUT}/man1 ${OUTPUT}/man7)

foreach(shell bash:packshot zsh:_packshot fish:packshot.fish)
  string(REPLACE ":" ";" names ${shell})
  list(GET names 0 shell)
  list(GET names 1 name)
  execute_process(COMMAND ${PROGRAM} completion ${shell} OUTPUT_FILE ${OUTPUT}/completions/${name} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

execute_process(COMMAND ${MANUAL} ${TEMPLATES} ${OUTPUT}/scdoc COMMAND_ERROR_IS_FATAL ANY)
# The date of a page is that of the commit, so that a revision's pages are always the same.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git -C ${SOURCE} log -1 --format=%ct RESULT_VARIABLE failed OUTPUT_VARIABLE seconds ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    set(ENV{SOURCE_DATE_EPOCH} ${seconds})
  endif()
endif()
file(GLOB pages RELATIVE ${OUTPUT}/scdoc ${OUTPUT}/scdoc/*.scd)
foreach(page ${pages})
  string(REGEX REPLACE "\\.scd$" "" name ${page})
  string(REGEX REPLACE ".*\\." "" section ${name})
  if(SCDOC)
    set(written ${OUTPUT}/man${section}/${name})
    execute_process(COMMAND ${SCDOC} INPUT_FILE ${OUTPUT}/scdoc/${page} OUTPUT_FILE ${written} COMMAND_ERROR_IS_FATAL ANY)
    # scdoc begins paragraphs where nothing follows, which mandoc warns of.
    file(READ ${written} roff)
    string(REGEX REPLACE "(\\.P\n)+\\.RE\n" ".RE\n.P\n" roff "${roff}")
    string(REGEX REPLACE "(\\.P\n)+" ".P\n" roff "${roff}")
    string(REGEX REPLACE "(\\.(TH|SH|SS) [^\n]*\n)\\.P\n" "\\1" roff "${roff}")
    string(REGEX REPLACE "\\.P\n(\\.(SH|SS)|$)" "\\1" roff "${roff}")
    file(WRITE ${written} "${roff}")
  endif()
endforeach()
file(TOUCH ${OUTPUT}/done)
