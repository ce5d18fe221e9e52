/* One line for a crash, in place of a backtrace of some two hundred lines between the lines of the log.
 *
 * The handler runs in a process whose memory may be broken: it only formats numbers into its own stack and calls
 * write(2), which signal-safety(7) allows. Then the signal is raised once more with its default action, so that the
 * parent and the core file see the true cause. */
#include "CPlatform.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct { int number; const char *name; } fatal[] = {
    {SIGABRT, "SIGABRT"}, {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},
    {SIGILL, "SIGILL"},   {SIGTRAP, "SIGTRAP"}, {SIGFPE, "SIGFPE"},
};

static int writes_text;

static char *append(char *at, const char *text)
{
    while (*text) *at++ = *text++;
    return at;
}

/* `digits` decimal digits with leading zeros; with 0, as many as it takes. */
static char *append_number(char *at, long long value, int digits)
{
    char text[24];
    int count = 0;
    do { text[count++] = (char)('0' + value % 10); value /= 10; } while (value > 0 || count < digits);
    while (count > 0) *at++ = text[--count];
    return at;
}

/* The time of day in UTC as RFC 3339 writes it; days to a civil date by Howard Hinnant's algorithm
 * (howardhinnant.github.io/date_algorithms.html). */
static char *append_now(char *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long long days = now.tv_sec / 86400, rest = now.tv_sec % 86400;
    long long z = days + 719468, era = z / 146097, doe = z - era * 146097;
    long long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    long long doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    long long month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
    at = append_number(at, year, 4);
    at = append_number(append(at, "-"), month, 2);
    at = append_number(append(at, "-"), doy - (153 * mp + 2) / 5 + 1, 2);
    at = append_number(append(at, "T"), rest / 3600, 2);
    at = append_number(append(at, ":"), rest / 60 % 60, 2);
    at = append_number(append(at, ":"), rest % 60, 2);
    at = append_number(append(at, "."), now.tv_nsec / 1000000, 3);
    return append(at, "Z");
}

static void report(int number)
{
    char line[512], *at = line;
    const char *name = "a signal";
    for (unsigned long i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (fatal[i].number == number) name = fatal[i].name;
    if (!writes_text) {
        at = append_now(append(at, "{\"time\":\""));
        at = append(at, "\",\"level\":\"error\",\"event\":\"crashed\",\"message\":\"");
    }
    at = append(append(at, "the process crashed with "), name);
    at = append(at, "; its running jobs are recovered when its lease has ended; set SWIFT_BACKTRACE=enable=yes for a backtrace");
    if (!writes_text) {
        at = append(append(at, "\",\"signal\":\""), name);
        at = append(append_number(append(at, "\",\"pid\":"), getpid(), 0), "}");
    }
    at = append(at, "\n");
    /* Where the log goes; nothing can be done about a reader that is gone. */
    ssize_t ignored = write(STDOUT_FILENO, line, (size_t)(at - line));
    (void)ignored;
    raise(number);
}

void platform_report_crashes(int as_text)
{
    /* Swift's own handler was asked for by name. */
    if (getenv("SWIFT_BACKTRACE")) return;
    writes_text = as_text;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = report;
    /* The default action is back before the handler runs, so that raise() ends the process. */
    action.sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK);
    sigemptyset(&action.sa_mask);
    for (unsigned long i = 0; i < sizeof fatal / sizeof *fatal; i++) sigaction(fatal[i].number, &action, NULL);
}
