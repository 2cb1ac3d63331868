#include "provenance/components.h"

#include <jansson.h>
#include <openssl/crypto.h>

void ps_provenance_components(struct ps_component_list *list)
{
    ps_component_add(list, "openssl", "%s", OpenSSL_version(OPENSSL_FULL_VERSION_STRING));
    ps_component_add(list, "jansson", "%s", jansson_version_str());
}
