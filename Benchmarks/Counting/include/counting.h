// What the code between two points costs: allocations, counted by a malloc of our own, and
// instructions, counted by callgrind when the program runs under it.

#ifndef CARILLON_COUNTING_H
#define CARILLON_COUNTING_H

#include <stdbool.h>
#include <stdint.h>

/// Calls of malloc and its kin on this thread since it began. A realloc counts as one.
uint64_t carillon_allocations(void);

/// Bytes asked for by those calls.
uint64_t carillon_allocated_bytes(void);

/// Whether the program runs under valgrind.
bool carillon_is_simulated(void);

/// Switches callgrind's counting on or off; off at the start with --collect-atstart=no. Without
/// callgrind it does nothing.
void carillon_toggle_instructions(void);

/// Lets callgrind write down what it has counted, under a name, and begin anew.
void carillon_write_instructions(const char *name);

#endif
