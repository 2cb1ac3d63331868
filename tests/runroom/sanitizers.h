#ifndef TESTS_RUN_SANITIZERS_H
#define TESTS_RUN_SANITIZERS_H

/* LeakSanitizer and ThreadSanitizer ask for these by name. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

#endif
