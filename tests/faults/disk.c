/* A disk that can be told to fail, and that remembers what it was asked to keep.
 *
 * Preloaded into the gateway, it watches the files of one folder (XANPAY_DISK_FOLDER). The test writes into the control
 * file (XANPAY_DISK_CONTROL) which call is to fail and how; see `struct control`. With a log (XANPAY_DISK_LOG), every
 * write, sync and change of a name is appended to it, so that the test can work out what a power cut would have left:
 * what was written is noted before it is done, what was synced after it was. The shared memory of SQLite's write-ahead
 * log (-shm) is made anew after a crash and is not logged.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault {
    NONE = 0,
    WRITE_FAILS = 1,     /* the n-th write: EIO, once */
    DISK_FULL = 2,       /* from the n-th write on, what makes a file longer: half of it, then ENOSPC */
    SYNC_FAILS = 3,      /* the n-th sync: EIO, once; what it should have kept is gone */
    KILLED = 4,          /* SIGKILL before the n-th write or sync */
    KILLED_AT_FILE = 5,  /* SIGKILL before the n-th write to the database file itself, as checkpoints do */
};

struct control {
    uint32_t fault;
    int32_t countdown;
    uint32_t hits;
};

enum { IGNORED = 0, WATCHED = 1, MEMORY = 2, DATABASE = 3, FOLDER = 4, FILES = 65536 };

static struct control idle;
static volatile struct control *control = &idle;
static const char *folder;
static size_t folder_length;
static int log_file = -1;
static unsigned char kinds[FILES];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void prepare(void) {
    /* A copy, as PostgreSQL writes its process title over its environment. */
    folder = getenv("XANPAY_DISK_FOLDER");
    folder = folder ? strdup(folder) : NULL;
    folder_length = folder ? strlen(folder) : 0;
    const char *path = getenv("XANPAY_DISK_CONTROL");
    int file = path ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *shared = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (shared != MAP_FAILED) control = shared;
        REAL(close)(file);
    }
    path = getenv("XANPAY_DISK_LOG");
    if (path) log_file = REAL(open)(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

static int kind_of_path(const char *path) {
    if (!folder_length || strncmp(path, folder, folder_length)) return IGNORED;
    if (!path[folder_length]) return FOLDER;
    if (path[folder_length] != '/') return IGNORED;
    if (ends_with(path, "-shm")) return MEMORY;
    return ends_with(path, ".db") ? DATABASE : WATCHED;
}

static int kind_of(int file) { return file >= 0 && file < FILES ? kinds[file] : IGNORED; }

/* One record: what, inode, offset, length of the bytes, the bytes. */
static void note(char what, uint64_t inode, uint64_t offset, const void *bytes, uint32_t length) {
    if (log_file < 0) return;
    char head[21];
    head[0] = what;
    memcpy(head + 1, &inode, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, &length, 4);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
    int before = errno;
    pthread_mutex_lock(&log_lock);
    if (writev(log_file, parts, 2) != (ssize_t)(sizeof head + length)) abort();
    pthread_mutex_unlock(&log_lock);
    errno = before;
}

static uint64_t inode_of(int file) {
    struct stat found;
    return fstat(file, &found) ? 0 : found.st_ino;
}

static int is_due(void) {
    if (__atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST) != 0) return 0;
    __atomic_add_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
    return 1;
}

static void die_when_due(int kind) {
    uint32_t fault = control->fault;
    if ((fault == KILLED || (fault == KILLED_AT_FILE && kind == DATABASE)) && is_due()) kill(getpid(), SIGKILL);
}

/* How many of the bytes may be written; negative when none may and errno says why. */
static ssize_t allow(int file, int kind, off64_t offset, size_t length) {
    if (control->fault == WRITE_FAILS && kind != MEMORY && is_due()) {
        errno = EIO;
        return -1;
    }
    if (control->fault != DISK_FULL) return (ssize_t)length;
    struct stat found;
    if (fstat(file, &found) || offset + (off64_t)length <= found.st_size) return (ssize_t)length;
    int32_t left = __atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST);
    if (left > 0) return (ssize_t)length;
    __atomic_add_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
    if (left == 0 && length > 1) return (ssize_t)(length / 2);
    errno = ENOSPC;
    return -1;
}

static ssize_t write_at(int file, const void *bytes, size_t length, off64_t offset) {
    int kind = kind_of(file);
    if (kind == IGNORED) return REAL(pwrite64)(file, bytes, length, offset);
    die_when_due(kind);
    ssize_t allowed = allow(file, kind, offset, length);
    if (allowed < 0) return -1;
    if (kind != MEMORY) note('W', inode_of(file), (uint64_t)offset, bytes, (uint32_t)allowed);
    return REAL(pwrite64)(file, bytes, (size_t)allowed, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset) {
    return write_at(file, bytes, length, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) {
    return write_at(file, bytes, length, offset);
}

ssize_t write(int file, const void *bytes, size_t length) {
    if (kind_of(file) == IGNORED) return REAL(write)(file, bytes, length);
    off64_t offset = lseek64(file, 0, SEEK_CUR);
    ssize_t written = write_at(file, bytes, length, offset);
    if (written > 0) lseek64(file, offset + written, SEEK_SET);
    return written;
}

/* Of PostgreSQL's calls only those that make its files longer matter here. */
ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t offset) {
    size_t length = 0;
    for (int part = 0; part < count; part++) length += parts[part].iov_len;
    if (kind_of(file) != IGNORED) {
        ssize_t allowed = allow(file, kind_of(file), offset, length);
        if (allowed < 0) return -1;
        if ((size_t)allowed < length) return REAL(pwrite64)(file, parts[0].iov_base, parts[0].iov_len / 2, offset);
    }
    return REAL(pwritev64)(file, parts, count, offset);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    return pwritev64(file, parts, count, offset);
}

int posix_fallocate64(int file, off64_t offset, off64_t length) {
    if (kind_of(file) != IGNORED && allow(file, kind_of(file), offset, (size_t)length) != (ssize_t)length) return ENOSPC;
    return REAL(posix_fallocate64)(file, offset, length);
}

int posix_fallocate(int file, off_t offset, off_t length) { return posix_fallocate64(file, offset, length); }

static int sync_file(int file, int (*sync)(int)) {
    int kind = kind_of(file);
    if (kind == IGNORED || kind == MEMORY) return sync(file);
    die_when_due(kind);
    uint64_t inode = inode_of(file);
    if (control->fault == SYNC_FAILS && is_due()) {
        note('F', inode, 0, NULL, 0);
        errno = EIO;
        return -1;
    }
    int result = sync(file);
    if (result == 0) note(kind == FOLDER ? 'D' : 'S', inode, 0, NULL, 0);
    return result;
}

int fsync(int file) { return sync_file(file, REAL(fsync)); }

int fdatasync(int file) { return sync_file(file, REAL(fdatasync)); }

int ftruncate64(int file, off64_t length) {
    int kind = kind_of(file);
    if (kind != IGNORED && kind != MEMORY) {
        die_when_due(kind);
        note('T', inode_of(file), (uint64_t)length, NULL, 0);
    }
    return REAL(ftruncate64)(file, length);
}

int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

static int opened(int file, const char *path, int kind, int is_new) {
    if (file < 0 || file >= FILES) return file;
    kinds[file] = (unsigned char)kind;
    if (kind == WATCHED || kind == DATABASE) note(is_new ? 'C' : 'O', inode_of(file), 0, path, (uint32_t)strlen(path));
    return file;
}

static int open_file(int at, const char *path, int flags, mode_t mode) {
    int kind = kind_of_path(path);
    struct stat found;
    int is_new = kind != IGNORED && (flags & O_CREAT) && stat(path, &found) != 0;
    return opened(REAL(openat64)(at, path, flags, mode), path, kind, is_new);
}

#define MODE_OF(flags)                            \
    mode_t mode = 0;                              \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {      \
        va_list rest;                             \
        va_start(rest, flags);                    \
        mode = va_arg(rest, mode_t);              \
        va_end(rest);                             \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags);
    return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags);
    return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags);
    return open_file(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    MODE_OF(flags);
    return open_file(at, path, flags, mode);
}

int close(int file) {
    if (file >= 0 && file < FILES) kinds[file] = IGNORED;
    return REAL(close)(file);
}

static void note_link(const char *from, const char *to) {
    struct stat found;
    if (kind_of_path(to) != IGNORED && !stat(from, &found)) note('L', found.st_ino, 0, to, (uint32_t)strlen(to));
}

int link(const char *from, const char *to) {
    int result = REAL(link)(from, to);
    if (!result) note_link(from, to);
    return result;
}

int linkat(int at, const char *from, int to_at, const char *to, int flags) {
    int result = REAL(linkat)(at, from, to_at, to, flags);
    if (!result) note_link(from, to);
    return result;
}

int unlink(const char *path) {
    if (kind_of_path(path) == WATCHED || kind_of_path(path) == DATABASE) {
        note('U', 0, 0, path, (uint32_t)strlen(path));
    }
    return REAL(unlink)(path);
}
