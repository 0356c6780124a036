#ifndef DUET_CDUCKDB_SHIM_H
#define DUET_CDUCKDB_SHIM_H
#include <duckdb.h>
#endif
