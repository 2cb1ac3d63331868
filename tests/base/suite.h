/* What cmocka wants included before it. */
#ifndef TESTS_BASE_SUITE_H
#define TESTS_BASE_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
