/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * Counts the primes below a limit, and compares with what there should be: a test of arithmetic and memory.
 * Plain C; nothing here knows of Cofferdam. Compiled for a desktop it does the same:
 *
 *   primes LIMIT [EXPECTED]
 *
 * Exit code: 0 as expected, 1 not as expected, 2 wrong usage, 3 no memory.
 * Environment: PRIMES_PROGRESS=N tells N times how far it is, on standard error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The whole text as a number that is not above `max`. */
static int number(const char *text, unsigned long max, unsigned long *value) {
    char *end;
    errno = 0;
    *value = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *value <= max;
}

static double seconds(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0.0;
    }
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    unsigned long limit, expected = 0, progress = 0;
    if (argc < 2 || argc > 3 || !number(argv[1], 100000000, &limit) ||
        (argc == 3 && !number(argv[2], limit, &expected))) {
        fprintf(stderr, "usage: %s LIMIT [EXPECTED]\n", argc > 0 ? argv[0] : "primes");
        return 2;
    }
    const char *wish = getenv("PRIMES_PROGRESS");
    if (wish != NULL && !number(wish, 100, &progress)) {
        fprintf(stderr, "PRIMES_PROGRESS is '%s', it takes a number up to 100\n", wish);
        return 2;
    }
    /* One byte for each odd number. */
    unsigned long size = limit / 2;
    char *composite = calloc(size > 0 ? size : 1, 1);
    if (composite == NULL) {
        fprintf(stderr, "no memory for numbers below %lu: %s\n", limit, strerror(errno));
        return 3;
    }
    double begun = seconds();
    unsigned long count = limit > 2 ? 1 : 0, told = 0;
    for (unsigned long i = 1; i < size; i++) {
        if (!composite[i]) {
            unsigned long prime = 2 * i + 1;
            count++;
            for (unsigned long long j = (unsigned long long)prime * prime / 2; j < size; j += prime) {
                composite[j] = 1;
            }
        }
        if (told < progress && i >= size / progress * (told + 1) - 1) {
            told++;
            fprintf(stderr, "%lu of %lu: %lu primes\n", told, progress, count);
        }
    }
    printf("%lu primes below %lu, counted in %.6f s\n", count, limit, seconds() - begun);
    free(composite);
    fflush(stdout);
    if (fsync(STDOUT_FILENO) != 0) {
        fprintf(stderr, "standard output cannot be synchronised: %s\n", strerror(errno));
    }
    if (argc == 3 && count != expected) {
        fprintf(stderr, "expected %lu", expected);
        return 1;
    }
    return 0;
}
