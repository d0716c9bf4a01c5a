// Requests to callgrind. Without valgrind's headers they are empty, and nothing is simulated.

#include "counting.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>

bool carillon_is_simulated(void) { return RUNNING_ON_VALGRIND != 0; }

void carillon_toggle_instructions(void) { CALLGRIND_TOGGLE_COLLECT; }

void carillon_write_instructions(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }
#else
bool carillon_is_simulated(void) { return false; }

void carillon_toggle_instructions(void) {}

void carillon_write_instructions(const char *name) { (void)name; }
#endif
