/** Prints `tests: N passed, N failed, N skipped` from a Vitest JSON report; fails when none ran. */
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const { numPassedTests: passed, numFailedTests: failed } = report;
const skipped = report.numPendingTests + (report.numTodoTests ?? 0);
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
