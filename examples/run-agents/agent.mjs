// A stand-in for a coding agent: it takes a prompt on stdin, names its session as one JSON line,
// and leaves a report. With the payload {"goal": "…", "crash_on": 1} it dies in its first attempt,
// the way an agent dies when the machine runs out of memory.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const prompt = readFileSync(0, "utf8");
const { payload, attempt, previous } = JSON.parse(
  readFileSync(process.env.KEELSON_JOB_FILE, "utf8"),
);
const resumed = process.argv[2] === "--resume" ? process.argv[3] : undefined;

console.log(JSON.stringify({ session_id: resumed ?? `session-of-${process.env.KEELSON_JOB_ID}` }));
console.log(resumed === undefined ? "starting" : `going on with ${resumed}`);
if (payload.crash_on === attempt) process.kill(process.pid, "SIGKILL");

const report = [
  `# ${prompt.split("\n")[0]}`,
  "",
  `Done in attempt ${attempt}.`,
  ...(previous === null ? [] : [`Attempt ${previous.attempt} ended early: ${previous.failure}`]),
];
writeFileSync(join(process.env.KEELSON_ARTIFACTS_DIR, "report.md"), `${report.join("\n")}\n`);
console.log("the report is written");
