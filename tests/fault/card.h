/* What the layer offers to a test that has loaded it: see card.c. */
#ifndef TESTS_FAULT_CARD_H
#define TESTS_FAULT_CARD_H

/* Whose submissions are late from now on: "launches", "uploads", or null for neither's. */
void card_delay(const char *text);

/* Submissions so far to the queue of a family, over all devices of the process. */
unsigned long card_submits(unsigned int family);

#endif
