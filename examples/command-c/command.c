// Prints its arguments and copies standard input in capitals; with -e NAME it
// prints an environment variable instead, and exits with status 3 without one.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "-e") == 0) {
    const char *value = getenv(argv[2]);
    if (!value) {
      fprintf(stderr, "%s is not set\n", argv[2]);
      return 3;
    }
    puts(value);
    return 0;
  }
  for (int i = 1; i < argc; i++) printf("argument %d: %s\n", i, argv[i]);
  for (int c; (c = getchar()) != EOF;) putchar(toupper(c));
  return ferror(stdin) || fflush(stdout) != 0;
}
