/* Text for people: numbers in readable units, and how far apart two words are. */
#ifndef PS_CLI_TEXT_H
#define PS_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* "512 B", "12.5 MiB"; a static-size text in `to`, which is returned. */
enum { CLI_NUMBER_SIZE = 24 };
char *cli_bytes(char to[CLI_NUMBER_SIZE], uint64_t bytes);
/* "3.2 TFLOP". */
char *cli_flops(char to[CLI_NUMBER_SIZE], uint64_t flops);
/* "1520.5 M"; thousands, millions or billions. */
char *cli_count(char to[CLI_NUMBER_SIZE], uint64_t count);
/* "02:10" or "1:02:10". */
char *cli_duration(char to[CLI_NUMBER_SIZE], double seconds);

#endif
