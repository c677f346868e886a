/** The options, keys or files that the operator gave are wrong: nothing was started. */
export const EXIT_OPTIONS = 2;
/** It could not start, or could not go on. */
export const EXIT_FAILURE = 1;
