#ifndef TESTS_RUN_LEAKS_H
#define TESTS_RUN_LEAKS_H

/* LeakSanitizer asks for it by this name. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

#endif
