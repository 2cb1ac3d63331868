/* The program's folder for what can be made again. */
#ifndef PS_CLI_CACHE_H
#define PS_CLI_CACHE_H

/* $XDG_CACHE_HOME/packshot, or ~/.cache/packshot, to be freed; null where the environment names neither. */
char *cli_cache_folder(void);

#endif
