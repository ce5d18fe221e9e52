/* The system calls that strangers' work does without: seccomp.

   It cannot be taken back, and is inherited. The numbers are each machine's own, so they are written out where a kernel's
   header of another machine would have to be read. */
#define _GNU_SOURCE
#include "parts.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

#ifdef MACHINE
#define LOAD(field) (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define JUMP(how, value, yes, no) (struct sock_filter)BPF_JUMP(BPF_JMP | how | BPF_K, value, yes, no)
#define RETURN(what) (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what)
#define REFUSE(code) RETURN(SECCOMP_RET_ERRNO | (code))

static int install(struct sock_filter *program, unsigned short length) {
    struct sock_fprog whole = {.len = length, .filter = program};
    /* A kernel without it is one more of those that keep less. */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole, 0, 0) != 0 && errno != EINVAL && errno != ENOSYS)
        return errno;
    return 0;
}
#endif

/* Sockets of any kind, and the rights, owners and times of files elsewhere: what Landlock does not know. */
int calls_of_reader(void) {
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
    program[at++] = LOAD(arch);
    program[at++] = JUMP(BPF_JEQ, MACHINE, 1, 0);
    program[at++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    program[at++] = LOAD(nr);
    /* The numbers of x32 lie above all others. */
    program[at++] = JUMP(BPF_JGE, 0x40000000, COUNT + 1, 0);
    for (int each = 0; each < COUNT; each++)
        program[at++] = JUMP(BPF_JEQ, (unsigned)refused[each], (unsigned char)(COUNT - each), 0);
    program[at++] = RETURN(SECCOMP_RET_ALLOW);
    program[at++] = REFUSE(EPERM);
    return install(program, at);
#else
    return 0;
#endif
}

#ifdef MACHINE
/* One machine's part: its calls that make memory nobody counts, rooms, or what the kernel is attacked by. They are said
   not to exist, so that a program that can do without does. */
static unsigned short refuse_on(struct sock_filter *program, unsigned machine, int clone, const int *refused, int count) {
    unsigned short at = 0;
    program[at++] = JUMP(BPF_JEQ, machine, 0, (unsigned char)(count + 7));
    program[at++] = LOAD(nr);
    for (int each = 0; each < count; each++)
        program[at++] = JUMP(BPF_JEQ, (unsigned)refused[each], (unsigned char)(count - each + 3), 0);
    program[at++] = JUMP(BPF_JGE, 0x40000000, 3, 0);
    program[at++] = JUMP(BPF_JEQ, (unsigned)clone, 0, 3);
    program[at++] = LOAD(args[0]);
    program[at++] = JUMP(BPF_JSET, 0x10000000 /* CLONE_NEWUSER */, 0, 1);
    program[at++] = REFUSE(ENOSYS);
    program[at++] = RETURN(SECCOMP_RET_ALLOW);
    return at;
}
#endif

int calls_of_program(void) {
#ifdef MACHINE
    /* memfd_create, memfd_secret, io_uring_setup, clone3, userfaultfd, bpf, perf_event_open, add_key, request_key, keyctl,
       unshare, setns, mount, open_by_handle_at, process_vm_readv, process_vm_writev */
#if defined(__x86_64__)
    static const int own[] = {319, 447, 425, 435, 323, 321, 298, 248, 249, 250, 272, 308, 165, 304, 310, 311};
    /* Steam's own programs are of the old machine. */
    static const int old[] = {356, 447, 425, 435, 374, 357, 336, 286, 287, 288, 310, 346, 21, 342, 347, 348};
#else
    static const int own[] = {279, 447, 425, 435, 282, 280, 241, 217, 218, 219, 97, 268, 40, 265, 270, 271};
#endif
    enum { COUNT = sizeof own / sizeof *own };
    struct sock_filter program[2 * (COUNT + 8) + 2];
    unsigned short at = 0;
    program[at++] = LOAD(arch);
    at += refuse_on(program + at, MACHINE, SYS_clone, own, COUNT);
#if defined(__x86_64__)
    at += refuse_on(program + at, AUDIT_ARCH_I386, 120, old, COUNT);
#endif
    program[at++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    return install(program, at);
#else
    return 0;
#endif
}
