/** A group of programs whose place to meet is a Valkey. */
import "../support/at-valkey.ts";
import "./group.test.ts";
