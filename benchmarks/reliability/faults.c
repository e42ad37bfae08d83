/* Preloaded into a process, this makes the n-th operation that changes a folder kill the process or fail.

It stands before the C library, so it sees what Python, SQLite and every extension do. Operations are counted from
arm() on, in this process only, and only on paths below the folder. A write that kills leaves half of its bytes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = dlsym(RTLD_NEXT, name)

enum mode { COUNT, KILL, FAIL_ONCE, FULL };  /* FULL: all that needs room fails from the n-th such operation on */

static char folder[PATH_MAX];
static enum mode mode;
static long when;
static int error, journal = -1;
static atomic_long count;

void arm(const char *path, int mode_, long when_, int error_, int journal_) {
    mode = mode_; when = when_; error = error_; journal = journal_;
    atomic_store(&count, 0);
    snprintf(folder, sizeof folder, "%s/", path);
}

void disarm(void) { folder[0] = 0; }
long counted(void) { return atomic_load(&count); }

/* SQLite's -shm is shared memory: it's made anew from the rest, and a power cut may do to it what it likes. */
static int inside(const char *path) {
    size_t length = strlen(path);
    return folder[0] && !strncmp(path, folder, strlen(folder)) && !(length > 4 && !strcmp(path + length - 4, "-shm"));
}

/* The path of a name beside an open folder; AT_FDCWD leaves it as it is, as the campaign gives absolute paths. */
static const char *at(int fd, const char *name, char *into) {
    char link[64], base[PATH_MAX];
    ssize_t length = -1;
    if (name[0] != '/' && fd >= 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        length = readlink(link, base, sizeof base - 1);
    }
    if (length < 0) return name;
    base[length] = 0;
    snprintf(into, 2 * PATH_MAX, name[0] ? "%s/%s" : "%s", base, name);
    return into;
}

static const char *of(int fd, char *into) { into[0] = 0; return folder[0] ? at(fd, "", into) : into; }

/* A line "op path other offset length", then the bytes. */
static void note(char op, const char *path, const char *other, off_t offset, const void *bytes, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    char line[3 * PATH_MAX];
    if (journal < 0) return;
    int n = snprintf(line, sizeof line, "%c\t%s\t%s\t%ld\t%zu\n", op, path, other, (long)offset, length);
    if (real(journal, line, n) != n || (length && real(journal, bytes, length) != (ssize_t)length)) _exit(99);
}

/* Count an operation; returns 1 if it must fail. `half` does the first half of a write. */
static int point(int needs_room) {
    int saved = errno;
    if (mode == FULL && !needs_room) return 0;
    long number = atomic_fetch_add(&count, 1) + 1;
    errno = saved;
    if (mode == KILL) return number == when;
    if (mode == FAIL_ONCE ? number == when : mode == FULL && number >= when) { errno = error; return 1; }
    return 0;
}

static int fails(int needs_room) {
    if (!point(needs_room)) return 0;
    if (mode == KILL) kill(getpid(), SIGKILL);
    return 1;
}

#define WRITE(name, call, half, place, ...) \
    ssize_t name(int fd, const void *bytes, size_t length, ##__VA_ARGS__) { \
        REAL(ssize_t, #name, int, const void *, size_t, ##__VA_ARGS__); \
        char path[2 * PATH_MAX]; \
        if (!inside(of(fd, path))) return call; \
        if (point(1)) { if (mode != KILL) return -1; (void)!half; kill(getpid(), SIGKILL); } \
        off_t from = place; \
        ssize_t written = call; \
        if (written > 0) note('w', path, "", from, bytes, written); \
        return written; \
    }

static off_t end_or_here(int fd) {
    struct stat status;
    if (fcntl(fd, F_GETFL) & O_APPEND) return fstat(fd, &status) ? 0 : status.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

WRITE(write, real(fd, bytes, length), real(fd, bytes, length / 2), end_or_here(fd))
WRITE(pwrite, real(fd, bytes, length, offset), real(fd, bytes, length / 2, offset), offset, off_t offset)
WRITE(pwrite64, real(fd, bytes, length, offset), real(fd, bytes, length / 2, offset), offset, off_t offset)

size_t fwrite(const void *bytes, size_t size, size_t items, FILE *stream) {
    REAL(size_t, "fwrite", const void *, size_t, size_t, FILE *);
    char path[2 * PATH_MAX];
    if (!folder[0] || !inside(of(fileno(stream), path))) return real(bytes, size, items, stream);
    if (fails(1)) return 0;
    off_t from = ftello(stream);
    size_t written = real(bytes, size, items, stream);
    fflush(stream);
    note('w', path, "", from, bytes, written * size);
    return written;
}

#define SYNC(name) \
    int name(int fd) { \
        REAL(int, #name, int); \
        char path[2 * PATH_MAX], slash[2 * PATH_MAX + 1]; \
        snprintf(slash, sizeof slash, "%s/", of(fd, path)); \
        if (!inside(slash)) return real(fd); \
        if (fails(0)) return -1; \
        note('s', path, "", 0, "", 0); \
        return real(fd); \
    }

SYNC(fsync)
SYNC(fdatasync)

#define CUT(name) \
    int name(int fd, off_t length) { \
        REAL(int, #name, int, off_t); \
        char path[2 * PATH_MAX]; \
        if (!inside(of(fd, path))) return real(fd, length); \
        if (fails(1)) return -1; \
        note('t', path, "", length, "", 0); \
        return real(fd, length); \
    }

CUT(ftruncate)
CUT(ftruncate64)

/* Opening counts where it makes a file or empties one. */
static int opens(const char *path, int flags) {
    return inside(path) && ((flags & O_TRUNC) || ((flags & O_CREAT) && access(path, F_OK)));
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, mode_t); \
        va_list rest; va_start(rest, flags); mode_t rights = va_arg(rest, mode_t); va_end(rest); \
        if (opens(path, flags)) { if (fails(1)) return -1; note('c', path, "", 0, "", 0); } \
        return real(path, flags, rights); \
    }

OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int fd, const char *name_, int flags, ...) { \
        REAL(int, #name, int, const char *, int, mode_t); \
        char whole[2 * PATH_MAX]; \
        va_list rest; va_start(rest, flags); mode_t rights = va_arg(rest, mode_t); va_end(rest); \
        if (folder[0] && opens(at(fd, name_, whole), flags)) { \
            if (fails(1)) return -1; \
            note('c', at(fd, name_, whole), "", 0, "", 0); \
        } \
        return real(fd, name_, flags, rights); \
    }

OPENAT(openat)
OPENAT(openat64)

#define ONE(name, op, room, ...) \
    int name(const char *path, ##__VA_ARGS__) { \
        REAL(int, #name, const char *, ##__VA_ARGS__);

ONE(mkdir, 'm', 1, mode_t rights)
        if (inside(path) && access(path, F_OK)) { if (fails(1)) return -1; note('m', path, "", 0, "", 0); }
        return real(path, rights);
    }

ONE(unlink, 'u', 0)
        if (inside(path) && !access(path, F_OK)) { if (fails(0)) return -1; note('u', path, "", 0, "", 0); }
        return real(path);
    }

ONE(rmdir, 'u', 0)
        if (inside(path) && !access(path, F_OK)) { if (fails(0)) return -1; note('u', path, "", 0, "", 0); }
        return real(path);
    }

int unlinkat(int fd, const char *name, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    char whole[2 * PATH_MAX];
    const char *path = at(fd, name, whole);
    if (inside(path)) { if (fails(0)) return -1; note('u', path, "", 0, "", 0); }
    return real(fd, name, flags);
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    if (inside(to)) {
        if (fails(0)) return -1;
        int failed = real(from, to);
        if (!failed) note('r', from, to, 0, "", 0);
        return failed;
    }
    return real(from, to);
}
