#ifndef DUET_CCURL_SHIM_H
#define DUET_CCURL_SHIM_H

#include <curl/curl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/types.h>

/* glibc declares these under _GNU_SOURCE only, which Swift's importer does not define. */
extern int syncfs(int descriptor);
extern int pthread_setname_np(unsigned long thread, const char *name);
extern ssize_t copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t count, unsigned flags);

static inline ssize_t duet_copy_range(int from, int to, long offset, long count) {
    off_t read = offset, written = offset;
    return copy_file_range(from, &read, to, &written, (size_t)count, 0);
}

extern int fallocate(int file, int mode, off_t offset, off_t count);

static inline void duet_reserve(int file, long offset, long count) {
    (void)fallocate(file, FALLOC_FL_KEEP_SIZE, offset, count);
}

static inline int duet_share_start(int to, int from, unsigned long long count) {
    struct file_clone_range range = {.src_fd = from, .src_offset = 0, .src_length = count, .dest_offset = 0};
    return ioctl(to, FICLONERANGE, &range);
}

/* curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt are variadic, and Swift cannot call variadic functions.
   One wrapper for each type of argument; the parentheses keep curl's type-checking macros out of the way. */

typedef size_t (*duet_curl_data_callback)(char *, size_t, size_t, void *);

static inline CURLcode duet_curl_set_long(CURL *easy, CURLoption option, long value) {
    return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode duet_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode duet_curl_set_string(CURL *easy, CURLoption option, const char *value) {
    return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode duet_curl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode duet_curl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode duet_curl_set_data_callback(CURL *easy, CURLoption option, duet_curl_data_callback value) {
    return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode duet_curl_get_long(CURL *easy, CURLINFO info, long *value) {
    return (curl_easy_getinfo)(easy, info, value);
}

static inline CURLcode duet_curl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return (curl_easy_getinfo)(easy, info, value);
}

static inline CURLcode duet_curl_get_string(CURL *easy, CURLINFO info, const char **value) {
    return (curl_easy_getinfo)(easy, info, value);
}

static inline CURLcode duet_curl_get_pointer(CURL *easy, CURLINFO info, void **value) {
    return (curl_easy_getinfo)(easy, info, value);
}

static inline CURLMcode duet_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return (curl_multi_setopt)(multi, option, value);
}

/* CURLMsg carries its result in a union, which Swift sees only as raw memory. */
static inline CURLcode duet_curl_message_result(const CURLMsg *message) {
    return message->data.result;
}

#endif
