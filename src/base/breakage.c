/* SPDX-License-Identifier: Apache-2.0 */
/* The one variable. */
#include "base/breakage.h"

weir_breakage weir__breakage = WEIR__BREAK_NOTHING;
