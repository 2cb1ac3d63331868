# Writes to OUTPUT the revision of the clone at SOURCE as a C string, "-dirty" behind it where files differ from it; null
# where SOURCE is no clone. The file is touched only where that changes.
set(revision NULL)
find_program(GIT git)
if(GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
    RESULT_VARIABLE failed OUTPUT_VARIABLE described ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    set(revision "\"${described}\"")
  endif()
endif()
set(content "static const char *const revision = ${revision};\n")
set(before "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT before STREQUAL content)
  file(WRITE ${OUTPUT} "${content}")
endif()
