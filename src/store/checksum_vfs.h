/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SQLite VFS that keeps a checksum in every page of a database file, because SQLite has none: a flipped bit in a page
 * of a b-tree could turn a look-up into a silent miss.
 *
 *   page of 4096 bytes:  | 4088 bytes, SQLite's | XXH64 of them, seeded with the page number, big-endian |
 *
 * Whatever leaves the main database file is verified as whole pages, but for the first 100 bytes of the file, which
 * SQLite reads as a hint before it reads page 1. The write-ahead log has SQLite's own checksums.
 */
#ifndef WEIR__STORE_CHECKSUM_VFS_H
#define WEIR__STORE_CHECKSUM_VFS_H

#define WEIR__PAGE_SIZE 4096
#define WEIR__PAGE_RESERVED 8 /* of it, at its end: the checksum */

#define WEIR__APPLICATION_ID 0x77656972 /* "weir"; in page 1 at 68 */

/** sqlite3_file_control(): stores the number of the page found damaged last (0: none) in a uint32_t. */
#define WEIR__FCNTL_DAMAGED_PAGE 0x77656901

/**
 * Registers the VFS over another one, unless it is registered already: once per process and base, for good.
 *
 * A page that does not match is SQLITE_IOERR_DATA; a first page that is not of a weir state at all is SQLITE_NOTADB.
 *
 * @param base  name of the VFS beneath, which must stay registered; NULL: the default one
 * @return the name to open databases with, valid for good; NULL when there is no such base, or no memory
 * Threads: any.
 * Source: SQLite, "Checksum VFS Shim", "The SQLite OS Interface or VFS", "Database File Format".
 */
const char *weir__checksum_vfs(const char *base);

#endif
