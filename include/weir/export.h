/* SPDX-License-Identifier: Apache-2.0 */
/* What marks a symbol as part of the contract, and the linkage of all public headers. */
#ifndef WEIR_EXPORT_H
#define WEIR_EXPORT_H

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#define WEIR_SENTINEL __attribute__((sentinel))
#define WEIR_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#else
#define WEIR_API
#define WEIR_SENTINEL
#define WEIR_PRINTF(format_at, first_at)
#endif

#ifdef __cplusplus
#define WEIR_BEGIN_DECLS extern "C" {
#define WEIR_END_DECLS }
#else
#define WEIR_BEGIN_DECLS
#define WEIR_END_DECLS
#endif

#endif
