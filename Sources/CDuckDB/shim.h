#ifndef DUET_CDUCKDB_SHIM_H
#define DUET_CDUCKDB_SHIM_H
#include <duckdb.h>

// DuckDB's header names these two and leaves them to whoever uses them. Their members and their order are those of
// Arrow's C data interface, which is fixed for all time: https://arrow.apache.org/docs/format/CDataInterface.html
struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif
