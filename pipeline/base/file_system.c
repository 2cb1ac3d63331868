#include "base/file_system.h"

#include <linux/magic.h>
#include <stddef.h>
#include <sys/statfs.h>

const char *ps_file_system_unfit(uint64_t type)
{
    /* From <linux/magic.h>, and for systems outside of the kernel's tree from their own sources. */
    static const struct {
        uint64_t type;
        const char *name;
    } table[] = {
        {NFS_SUPER_MAGIC, "NFS"},
        {SMB_SUPER_MAGIC, "SMB"},
        {CIFS_SUPER_MAGIC, "SMB (CIFS)"},
        {SMB2_SUPER_MAGIC, "SMB"},
        {FUSE_SUPER_MAGIC, "FUSE"},
        {V9FS_MAGIC, "9P"},
        {AFS_SUPER_MAGIC, "AFS"},
        {AFS_FS_MAGIC, "AFS"},
        {CODA_SUPER_MAGIC, "Coda"},
        {NCP_SUPER_MAGIC, "NCP"},
        {CEPH_SUPER_MAGIC, "Ceph"},
        {OCFS2_SUPER_MAGIC, "OCFS2"},
        {0x01161970, "GFS2"},
        {0x0bd00bd0, "Lustre"},
        {0x47504653, "GPFS"},
        {0x19830326, "BeeGFS"},
        {0xaad7aaea, "PanFS"},
        {0x786f4256, "a VirtualBox folder"},
        {0xbacbacbc, "a VMware folder"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].type == type)
            return table[i].name;
    return NULL;
}

bool ps_file_system_is_local(int fd)
{
    struct statfs system;
    return !fstatfs(fd, &system) && !ps_file_system_unfit((uint64_t)system.f_type & 0xffffffffu);
}
