/**
 * Set in the high word of an item's N: the item was kept, with probability N / 2^56 given that it is there, on the randomness of
 * another item (a group's leader, a record's trace). Its own R says nothing of that, so it leaves with the count that it came with
 * divided by that probability, and without a threshold (sampling.md, rules 9 and 10).
 */
export const decidedElsewhere = 0x80000000;

/** The same bit in N as a whole number of 64 bits. */
export const decidedElsewhereBit = 1n << 63n;
