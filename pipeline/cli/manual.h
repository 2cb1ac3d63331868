/* The manual in scdoc's language, made of the tables that the program runs by. */
#ifndef PS_CLI_MANUAL_H
#define PS_CLI_MANUAL_H

#include <jansson.h>
#include <stdio.h>

/* Writes text so that it means nothing to scdoc; line ends become spaces. */
void cli_manual_text(FILE *page, const char *text);

/* Writes a section for each event of the schema, and for each other object that they are made of. */
void cli_manual_events(FILE *page, const json_t *schema);
void cli_manual_objects(FILE *page, const json_t *schema);

/* Writes a paragraph with the names of the events that a command gives. */
void cli_manual_events_of(FILE *page, const json_t *schema, const char *command);

#endif
