import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";

/**
 * Compares data exactly, absent and undefined apart, whatever its keys are called. (The runner's
 * own strict matcher takes a data key named `constructor` for the type of the object.)
 */
export function expectSame(actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  expect(actual).toStrictEqual(expected);
  expect.unreachable("equal to the matcher, yet not the same data");
}
