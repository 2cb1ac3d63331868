/* The XMP packet that says how a picture or clip was made. README.md of this folder lists its properties. */
#ifndef PS_PROVENANCE_XMP_H
#define PS_PROVENANCE_XMP_H

#include "provenance/origin.h"

/* Of packshot's own properties, whose prefix is packshot. It names nothing on the network: .invalid is
 * nobody's. */
#define PS_XMP_NAMESPACE "http://packshot.invalid/ns/1.0/"

#define PS_IPTC_GENERATED "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
#define PS_IPTC_COMPOSITE                                                                                    \
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

/* Makes a packet, UTF-8, to be freed, of *size bytes and an end; null when out of memory. `origin` may be null:
 * then only what is true of any clip is told. `composite`: real pixels are in the picture. The same origin
 * gives the same bytes: no dates, no folders, nothing of the machine but the device's name. */
char *ps_xmp_packet(const struct ps_origin *origin, bool composite, size_t *size, struct ps_error *error);

#endif
