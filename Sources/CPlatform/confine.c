/* What a thread may still do that is about to read what a stranger made. */
#define _GNU_SOURCE
#include "CPlatform.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

/* linux/landlock.h; the numbers are the same on all machines. */
struct rules {
    uint64_t files, net, scoped;
};
struct __attribute__((packed)) beneath {
    uint64_t allowed;
    int32_t folder;
};

#define READ_FILE (1ULL << 2)
#define READ_FOLDER (1ULL << 3)

static void allow(int rules, const char *path, uint64_t what) {
    struct beneath rule = {.allowed = what, .folder = open(path, O_PATH | O_CLOEXEC)};
    if (rule.folder < 0) return;
    /* A file takes no rights of folders. */
    if (syscall(445, rules, 1, &rule, 0) != 0) {
        rule.allowed &= READ_FILE;
        syscall(445, rules, 1, &rule, 0);
    }
    close(rule.folder);
}

/* What Swift's and C's own libraries read while they are at work: the letters of a locale, and how many threads there
   are and what they do. Nothing of ours: what Landlock keeps inside can look into no process outside. */
static const char *const common[] = {
    "/usr", "/lib", "/lib64", "/proc", "/sys/devices/system/cpu", "/dev/null", "/dev/urandom", NULL,
};

/* Files by Landlock, as far as the kernel knows it: all that can be done with them, and from its later versions on TCP,
   signals and abstract sockets that lead to others. */
static int keep_to(const char *const *folders) {
    int version = platform_landlock();
    if (version < 1) return 0;
    uint64_t files = version >= 5 ? 0xffff : version >= 3 ? 0x7fff : version >= 2 ? 0x3fff : 0x1fff;
    struct rules set = {.files = files, .net = version >= 4 ? 3 : 0, .scoped = version >= 6 ? 3 : 0};
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int rules = (int)syscall(444, &set, size, 0);
    if (rules < 0) return errno;
    for (; *folders; folders++) allow(rules, *folders, files);
    for (const char *const *each = common; *each; each++) allow(rules, *each, READ_FILE | READ_FOLDER);
    int code = syscall(446, rules, 0) == 0 ? 0 : errno;
    close(rules);
    return code;
}

/* What Landlock does not know: sockets of any kind, and the rights, owners and times of files elsewhere. */
static int refuse_calls(void) {
#ifdef MACHINE
    static const int refused[] = {
        SYS_socket, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_io_uring_setup, SYS_kill,
        SYS_fchmodat, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_removexattr, SYS_lremovexattr,
#ifdef __x86_64__
        SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
        452 /* fchmodat2 */,
    };
    enum { COUNT = sizeof refused / sizeof *refused };
    struct sock_filter program[COUNT + 7];
    unsigned char at = 0;
    program[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    program[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
    program[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    program[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    /* The numbers of x32 lie above all others. */
    program[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, COUNT + 1, 0);
    for (int each = 0; each < COUNT; each++)
        program[at++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[each], (unsigned char)(COUNT - each), 0);
    program[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    struct sock_fprog whole = {.len = at, .filter = program};
    /* A kernel without it is one more of those that keep less. */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole, 0, 0) != 0 && errno != EINVAL && errno != ENOSYS)
        return errno;
#endif
    return 0;
}

int platform_confine(const char *const *folders) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    int code = keep_to(folders);
    return code == 0 ? refuse_calls() : code;
}
