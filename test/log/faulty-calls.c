// A library that is loaded before the C library (LD_PRELOAD) and lets calls of a process fail: one file system that cannot be trusted, as the process sees it.
// FAULTY_CALLS names a file. While it exists, it holds "<call> <part of a path> <errno>": such a call on a file whose path has that part fails with that number.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

// 0: the call shall do its work.
static int fault(const char *call, int fd) {
  const char *control = getenv("FAULTY_CALLS");
  if (control == NULL || access(control, F_OK) != 0) return 0;
  FILE *file = fopen(control, "re");
  if (file == NULL) return 0;
  char wanted[32], part[256], link[64], path[4096];
  int number = 0;
  int read = fscanf(file, "%31s %255s %d", wanted, part, &number);
  fclose(file);
  if (read != 3 || strcmp(call, wanted) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, part) == NULL ? 0 : number;
}

#define FAIL(call, fd)            \
  int number = fault(call, fd);   \
  if (number != 0) {              \
    errno = number;               \
    return -1;                    \
  }

int fdatasync(int fd) {
  FAIL("sync", fd);
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return real(fd);
}

int fsync(int fd) {
  FAIL("sync", fd);
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return real(fd);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  FAIL("write", fd);
  ssize_t (*real)(int, const struct iovec *, int, off_t) = (ssize_t(*)(int, const struct iovec *, int, off_t))dlsym(RTLD_NEXT, "pwritev");
  return real(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  FAIL("write", fd);
  ssize_t (*real)(int, const struct iovec *, int, off64_t) = (ssize_t(*)(int, const struct iovec *, int, off64_t))dlsym(RTLD_NEXT, "pwritev64");
  return real(fd, parts, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  FAIL("write", fd);
  ssize_t (*real)(int, const void *, size_t, off_t) = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  return real(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  FAIL("write", fd);
  ssize_t (*real)(int, const void *, size_t, off64_t) = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  return real(fd, bytes, count, at);
}
