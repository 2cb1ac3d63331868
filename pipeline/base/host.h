/* Memory of the machine, for devices that run on its processor. */
#ifndef PS_BASE_HOST_H
#define PS_BASE_HOST_H

#include <stdint.h>

/* Bytes of main memory that can be taken without swapping; 0 where the system does not tell. */
uint64_t ps_host_available_bytes(void);

#endif
