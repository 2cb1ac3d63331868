/* What the layer offers to a test that has loaded it: see layer.c. */
#ifndef TESTS_FAULT_LAYER_H
#define TESTS_FAULT_LAYER_H

/* Sets what fails, null for nothing, and counts from 1 again. */
void fault_arm(const char *text);

/* Calls of a kind since then: "submit", "wait", "allocate", "pipeline". */
unsigned long fault_calls(const char *kind);

/* Instances and devices of the process that are not destroyed yet. */
unsigned long fault_open(void);

#endif
